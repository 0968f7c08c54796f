"""``index.json``: what is known of an index."""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PositiveInt

import hardmine
from hardmine.errors import UserError
from hardmine.installing import upgrade
from hardmine.settings.base import Settings

__all__ = ["FORMAT_VERSION", "IndexState", "MadeBy", "parsed"]

FORMAT_VERSION = 2
"""2: faiss's index holds each distinct vector once; 1, which held one for each image, is read too."""

_NUMBER = 65_536
"""A description of faiss may hold numbers up to this, or up to the number of images: cells, links, bytes."""


def _place(name: str) -> str:
    if "\0" in name:
        raise ValueError("no file can have this name")
    os.fsencode(name)
    return name


Place = Annotated[str, AfterValidator(_place)]


class MadeBy(Settings):
    """The model of an index."""

    folder: Place
    """Where it lay, absolute."""
    digest: str = Field(max_length=64)
    """SHA-256 of weights, network and preprocessing."""
    dimensions: int = Field(gt=0, lt=2**31)
    """Of a vector."""


class IndexState(Settings):
    """Content of ``index.json``."""

    format_version: PositiveInt = FORMAT_VERSION
    """Of the folder."""
    library_version: str = hardmine.__version__
    """What wrote it."""
    model: MadeBy
    """What embedded the images."""
    images: Place
    """The folder of the images, absolute."""
    factory: str = Field(max_length=1000)
    """faiss's description of the index."""
    count: int = Field(ge=0, lt=2**48)
    """Images in the index."""
    recall: float | None = None
    """Share of the ten nearest that searches of drawn images found when it was made; None where nobody looked."""
    unreadable: dict[str, str]
    """Images that were left out, with the reason."""
    scanned_ns: int = Field(ge=0, lt=2**63)
    """When the folder was read, nanoseconds since 1970."""
    sizes: dict[str, int]
    """Bytes of each file of the generation."""

    @property
    def asks_too_much(self) -> bool:
        """Whether the description has numbers beyond what an index of so many images could have been built with."""
        return any(int(number) > max(_NUMBER, self.count) for number in re.findall(r"[0-9]+", self.factory))


def parsed(path: Path, text: str) -> IndexState:
    """The state in a file's text.

    Raises:
        UserError: it is of a newer format.
        ValueError: it is no state; also ``KeyError``, ``TypeError``, ``RecursionError``.
    """
    content: Any = json.loads(text)
    version = content["format_version"]
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UserError(
            f"{path}: has format {version}, written by hardmine {str(content.get('library_version', '?'))[:40]}; this "
            f"hardmine ({hardmine.__version__}) reads formats up to {FORMAT_VERSION}. {upgrade()}"
        )
    return IndexState.model_validate(content)
