"""A folder of the user's own images."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from .base import ImageDataset

__all__ = ["Folder"]


class Folder(ImageDataset):
    """Images in class folders, or a list of images with their classes."""

    made_here: ClassVar[bool] = True
    archives: ClassVar[tuple[str, ...]] = ("files.json",)
    """Every image with its class and SHA-256; the images stay where they are."""
    upright: ClassVar[bool] = True
    licence: ClassVar[str] = "your own files"

    name: Literal["folder"] = "folder"
    """The data set."""
    path: Annotated[str, Field(min_length=1)]
    """The folder. It holds one folder a class, or the list."""
    list: Annotated[str | None, Field(min_length=1)] = None
    """A file in the folder with a line for each image and the columns path, class and, if wanted, split."""
    test_share: float = Field(0.5, gt=0, lt=1)
    """Share of the classes kept for test, drawn by the seed; unused where the list names splits."""

    @model_validator(mode="before")
    @classmethod
    def _name_the_variant(cls, given: Any) -> Any:
        """The default variant is the folder's name and the size."""
        if not isinstance(given, Mapping) or "variant" in given:
            return given
        name = re.sub(r"[^a-z0-9]+", "-", Path(str(given.get("path", ""))).name.lower()).strip("-")
        size = str(given.get("size", cls.model_fields["size"].default))
        return {**given, "variant": f"{name}-{size}" if name else size} if size.isdecimal() else given

    @property
    def raw_folder(self) -> str:
        """A folder for each variant, so that several folders of images do not meet."""
        return f"data/raw/{self.name}/{self.variant}"

    @property
    def download_settings(self) -> dict[str, Any]:
        """What decides the content of ``raw_folder``: it changes when an image is added, changed or taken away."""
        return super().download_settings | {"list": self.list, "fingerprint": self.fingerprint()}

    @property
    def packing(self) -> dict[str, Any]:
        """What decides the packed images and their list."""
        return {key: value for key, value in super().packing.items() if key != "path"}

    def fingerprint(self) -> str:
        """SHA-256 over names, sizes and times of all files of the folder; ``absent`` where there is no such folder."""
        try:
            files = sorted(_files_below(self.path, ""))
        except OSError:
            return "absent"
        return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def _files_below(folder: str, prefix: str) -> Iterator[tuple[str, int, int]]:
    """Relative name, size in bytes and time of change in ns of every file; links are not followed into folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path, f"{name}/")
            else:
                status = entry.stat(follow_symlinks=entry.is_file())
                yield name, status.st_size, status.st_mtime_ns
