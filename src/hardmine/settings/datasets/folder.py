"""A folder of the user's own images."""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from .base import ImageDataset
from .own_files import walk

__all__ = ["Folder"]


class Folder(ImageDataset):
    """Images in class folders, or a list of images with their classes."""

    made_here: ClassVar[bool] = True
    archives: ClassVar[tuple[str, ...]] = ("files.json",)
    """Every image with its class and SHA-256; the images stay where they are."""
    upright: ClassVar[bool] = True
    own: ClassVar[bool] = True
    licence: ClassVar[str] = "your own files"

    name: Literal["folder"] = "folder"
    """The data set."""
    path: Annotated[str, Field(min_length=1)]
    """The folder. It holds one folder a class, or the list."""
    list: Annotated[str | None, Field(min_length=1)] = None
    """A file in the folder with a line for each image and the columns path, class and, if wanted, split."""
    test_share: float = Field(0.5, gt=0, lt=1)
    """Share of the classes with two images or more kept for test, drawn by the seed; unused if a list has splits."""
    spellings: Literal["one", "apart"] = "one"
    """one: names of classes that differ only in case, leading zeros, white space or invisible characters are refused;
    apart: they are classes of their own."""

    @model_validator(mode="before")
    @classmethod
    def _name_the_variant(cls, given: Any) -> Any:
        """The default variant is the folder's name and the size."""
        if not isinstance(given, Mapping) or "variant" in given:
            return given
        name = _variant_name(Path(str(given.get("path", ""))).name)
        size = str(given.get("size", cls.model_fields["size"].default))
        return {**given, "variant": f"{name}-{size}" if name else size} if size.isdecimal() else given

    @property
    def draws_test_classes(self) -> bool:
        """Whether ``seed`` decides which classes are tested."""
        return self.list is None or super().draws_test_classes

    @property
    def place(self) -> Path:
        """The folder, with a leading ``~`` or ``~name`` as that home."""
        return Path(self.path if os.path.isdir(self.path) else os.path.expanduser(self.path))

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
        return {key: value for key, value in super().packing.items() if key not in ("path", "spellings")}

    def fingerprint(self) -> str:
        """SHA-256 over how all files of the folder look; ``absent`` where there is no such folder.

        It differs where contents may: names, sizes, times of change and inodes tell. Where it differs, the images are
        hashed, and only their contents decide.
        """
        try:
            looks = sorted((met.name, *met.look, met.why) for met in walk(self.place, everything=True))
        except OSError:
            return "absent"
        return hashlib.sha256(json.dumps(looks).encode()).hexdigest()


def _variant_name(name: str) -> str:
    """A folder's name as part of a variant; with a digest of it where letters get lost, so that no two share one."""
    name = unicodedata.normalize("NFC", name)
    kept = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    lost = any(letter.isalnum() and not letter.isascii() for letter in name)
    if name and (lost or not kept):
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
        return f"{kept}-{digest}" if kept else digest
    return kept
