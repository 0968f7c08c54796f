"""What a command may write to: nothing that it reads, nothing twice, and a page in place of nothing but a page."""

import os
from collections.abc import Iterable
from pathlib import Path

from hardmine.errors import UserError

__all__ = ["check_outputs"]


def check_outputs(page: Path | None, files: Iterable[Path] = (), inputs: Iterable[str | Path | None] = ()) -> None:
    """Refuse outputs that would replace an input or each other, before anything is read.

    Args:
        page: a page to write, if one is.
        files: what else will be written.
        inputs: files that are read; folders, and what is not there, cannot be replaced by a file.

    Raises:
        UserError: an output is one of the inputs or another output, or a page would replace what is none.
    """
    read = {_place(path): path for path in inputs if path is not None and os.path.isfile(path)}
    written: set[object] = set()
    for path in (*files, *([page] if page is not None else [])):
        if _place(path) in read:
            raise UserError(f"{path}: is what is read ({read[_place(path)]}); name another file to write.")
        if _place(path) in written:
            raise UserError(f"{path}: would be written twice; name another file for one of the two.")
        written.add(_place(path))
    if page is not None and os.path.isfile(page) and not _is_page(page):
        raise UserError(f"--page {page}: is there and is no page; name another file.")


def _is_page(path: Path) -> bool:
    with open(path, "rb") as file:
        start = file.read(64).lstrip().lower()
    return not start or start.startswith((b"<!doctype html", b"<html"))


def _place(path: str | Path) -> object:
    """What tells whether two names are one file."""
    real = os.path.realpath(path)
    try:
        found = os.stat(real)
    except OSError:
        return real
    return found.st_dev, found.st_ino
