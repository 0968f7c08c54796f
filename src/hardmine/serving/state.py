"""The index that is answered from: the one that lies in the folder now."""

import hashlib
import os
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hardmine.errors import UserError
from hardmine.search.index import ImageIndex, open_index
from hardmine.search.searching import Searcher, open_searcher
from hardmine.search.store import files_now

from .filters import classes_of, folders_of

__all__ = ["Opened", "Served"]

_AGAIN = 1.0
"""Seconds before an index that could not be opened, and looks as it did, is tried again."""
Look = tuple[tuple[int, int, int] | None, ...]
"""Inode, time and size of each file of an index, None where it is not there."""


@dataclass(frozen=True)
class Opened:
    """An index as it lay in its folder at some moment.

    Attributes:
        searcher: its index and model.
        token: tells it from what lay there before and after.
    """

    searcher: Searcher
    token: str

    @cached_property
    def folders(self) -> list[str]:
        """See ``folders_of``."""
        return folders_of(self.searcher.index.table.paths)

    @cached_property
    def classes(self) -> list[str]:
        """See ``classes_of``."""
        return classes_of(self.folders)


class Served:
    """An index that may be brought up to date, go, or come to harm at any time, and come back.

    Requests under way keep what they have. While there is no whole index of the model in the folder nothing is
    answered from the one before, whose pictures nobody vouches for any more.

    Args:
        folder: of the index.
        model_folder: where the index's model lies now; where it lay unless given.
        parameters: how thoroughly an approximate index searches.
        device: for the model.

    Raises:
        UserError: there is no index, or its model is missing or another one.
    """

    def __init__(
        self, folder: Path, model_folder: Path | None = None, parameters: str = "", device: str = "auto"
    ) -> None:
        self._folder, self._parameters = folder, parameters
        self._turn = threading.Lock()
        self._look, self._tried, self._fault = _look(folder), 0.0, ""
        searcher = open_searcher(folder, model_folder, parameters, device, threads=1)
        self._model = searcher.model
        self._current: Opened | None = _opened(searcher)

    def now(self) -> Opened:
        """The index in the folder; opened again where its files are others than before.

        Raises:
            UserError: there is none, it is damaged, or it is of another model.
        """
        current = self._current
        if current is not None and _look(self._folder) == self._look:
            return current
        with self._turn:
            look = _look(self._folder)
            if look != self._look or (self._current is None and time.monotonic() - self._tried >= _AGAIN):
                self._open(look)
            if self._current is None:
                raise UserError(self._fault)
            return self._current

    def _open(self, look: Look) -> None:
        self._look, self._tried, self._current = look, time.monotonic(), None
        try:
            index = open_index(self._folder, self._parameters)
            self._check(index)
            self._current = _opened(Searcher(index, self._model))
        except UserError as fault:
            self._fault = str(fault)

    def _check(self, index: ImageIndex) -> None:
        found = index.state.model
        if found.digest != self._model.digest:
            raise UserError(
                f"{self._folder}: was made anew by another model ({found.folder}). End 'hardmine serve' and start it "
                "again."
            )


def _opened(searcher: Searcher) -> Opened:
    return Opened(searcher, hashlib.sha256(repr(searcher.index.state).encode(errors="replace")).hexdigest()[:16])


def _look(folder: Path) -> Look:
    found: list[tuple[int, int, int] | None] = []
    for path in files_now(folder):
        try:
            status = os.stat(path)
        except OSError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(found)
