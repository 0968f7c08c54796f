"""Omniglot: no lists; alphabet and character are the folders of a drawing."""

import re
from pathlib import Path

from hardmine.errors import UserError
from hardmine.settings.datasets import Omniglot

from .archives import open_archive
from .fetch import RemoteFile, as_asked, fetch
from .listing import Entry, Listing, make_listing, require_counts
from .members import REMEDY

__all__ = ["COUNTS", "download", "listing"]

_BASE = "https://github.com/brendenlake/omniglot/raw/master/python/"
_DIGESTS = {
    "images_background.zip": "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
    "images_evaluation.zip": "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
    "images_background_small1.zip": "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
    "images_background_small2.zip": "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
}
COUNTS = {
    "small": {"train": (2720, 136), "test": (2120, 106)},
    "full": {"train": (19280, 964), "test": (13180, 659)},
}
"""Images and classes of each split."""
SHARED_ALPHABETS = ("Greek", "Latin")
"""Alphabets that are in both small archives; they stay in training only."""
_DRAWING = re.compile(r"([^/]+/character\d\d)/\d{4}_\d\d\.png")


def download(folder: Path, settings: Omniglot) -> None:
    """Fetch the two archives of the split."""
    for name in settings.raw_files:
        file = RemoteFile(name, f"sha256:{_DIGESTS[name]}", (_BASE + name,))
        fetch(as_asked(file, settings), folder, settings.name)


def listing(raw: Path, settings: Omniglot) -> Listing:
    """List the drawings: the first archive for training, the second for test.

    Raises:
        UserError: an archive is damaged, holds a picture elsewhere than in a character's folder, or a count differs.
    """
    entries = []
    for file, split in zip(settings.raw_files, ("train", "test"), strict=True):
        path = raw / file
        stem = path.stem + "/"
        with open_archive(path) as archive:
            for member in archive.names():
                if not member.endswith(".png"):
                    continue
                name = member.removeprefix(stem)
                found = _DRAWING.fullmatch(name)
                if found is None:
                    raise UserError(
                        f"{path}: '{member}' is not {stem}<alphabet>/character<nn>/<nnnn>_<nn>.png. {REMEDY}"
                    )
                if split == "test" and settings.split == "small" and name.split("/")[0] in SHARED_ALPHABETS:
                    continue
                role = "train" if split == "train" else "both"
                entries.append(Entry(name, found[1], split, role, path, member))
    require_counts(entries, settings.expected(COUNTS[settings.split]), str(raw))
    return make_listing(entries, settings, str(raw))
