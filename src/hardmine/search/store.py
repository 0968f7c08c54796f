"""The folder of an index: a new generation takes the place of the old one at once, whatever is killed when.

A generation is written into ``.next/``, its ``index.json`` last: that is the moment from which it counts. Then its
files are moved over the old ones, ``index.json`` last again. A reader takes each file from ``.next/`` where a complete
generation lies there, so that it finds one generation or the other at every moment.

An index may come from a stranger: its files are regular files and its folders are folders, never links, so that
nothing outside it is read, written or removed.
"""

import errno
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hardmine.artefacts import open_regular, write_text
from hardmine.artefacts.record import LARGEST
from hardmine.errors import UserError

from .guard import reading
from .state import IndexState, parsed

__all__ = [
    "FILES",
    "commit",
    "files_now",
    "hold",
    "is_folder_of_its_own",
    "is_index",
    "open_file",
    "read_state",
    "recover",
    "stage",
]

FILES = ("index.faiss", "images.parquet", "vectors.npy", "vectors.parquet")
"""What a generation holds beside ``index.json``."""

_STATE = "index.json"
_NEXT = ".next"
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the index's lock; it dies with its holder.

    Raises:
        UserError: another process is writing the index, or the folder holds something else.
    """
    with reading(folder):
        known = os.path.exists(folder / ".lock") or os.path.exists(folder / _STATE)
        if (os.path.exists(folder) and not folder.is_dir()) or (
            os.path.isdir(folder) and not known and any(folder.iterdir())
        ):
            raise UserError(f"{folder}: exists and is no index. Give a new folder with -o.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}.") from None
    with reading(folder / ".lock", "Mend its permissions, or delete it."):
        lock = open_regular(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW)
    with os.fdopen(lock, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: another process is writing this index. Wait for it to end.") from None
        yield


def recover(folder: Path) -> None:
    """Finish what a killed process had committed, drop what it had not; under the lock.

    Raises:
        UserError: what lies there to take the old generation's place is no whole generation.
    """
    state = _state_at(folder / _NEXT / _STATE) if is_folder_of_its_own(folder / _NEXT) else None
    if state is not None:
        for name in FILES:
            open_file(folder, state, name).close()
        _publish(folder)


@contextmanager
def stage(folder: Path) -> Iterator[Path]:
    """An empty folder to write the next generation's files into and then ``commit``; under the lock."""
    if is_folder_of_its_own(folder / _NEXT):
        shutil.rmtree(folder / _NEXT, ignore_errors=True)
    with _writing(folder / _NEXT):
        (folder / _NEXT).mkdir()
    try:
        yield folder / _NEXT
    finally:
        if not (folder / _NEXT / _STATE).is_file():
            shutil.rmtree(folder / _NEXT, ignore_errors=True)


def commit(folder: Path, state: IndexState) -> None:
    """Make the staged files the index.

    Raises:
        UserError: the state is larger than is read again, or a file cannot take its place.
    """
    # Not in JSON's mode, which refuses folders whose names are not UTF-8.
    text = json.dumps(state.model_dump(), indent=1) + "\n"
    if len(text) > LARGEST:
        raise UserError(f"{folder}: {len(state.unreadable):,} unreadable images are too many to list. Remove them.")
    write_text(folder / _NEXT / _STATE, text)
    _publish(folder)


def is_folder_of_its_own(path: Path) -> bool:
    """Whether a folder of the index's own is there.

    Raises:
        UserError: a link or a file lies in its place, or nobody may look.
    """
    try:
        found = os.lstat(path).st_mode
    except OSError as error:
        if error.errno in _ABSENT:
            return False
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    if not stat.S_ISDIR(found):
        kind = "a link" if stat.S_ISLNK(found) else "no folder"
        raise UserError(f"{path}: is {kind} where an index has a folder of its own. Delete it.")
    return True


def read_state(folder: Path) -> IndexState | None:
    """The state of an index; None where there is none.

    Raises:
        UserError: the file cannot be read, is damaged or of a newer format.
    """
    state = _state_at(folder / _NEXT / _STATE) if is_folder_of_its_own(folder / _NEXT) else None
    return state if state is not None else _state_at(folder / _STATE)


def open_file(folder: Path, state: IndexState, name: str) -> BinaryIO:
    """Open a file of the generation where it lies now.

    Raises:
        UserError: it is missing, has another size than the state says, or is no regular file.
    """
    places = [folder / _NEXT / name] if is_folder_of_its_own(folder / _NEXT) else []
    for path in (*places, folder / name):
        with reading(path):
            file = _opened(path)
            if file is not None and os.fstat(file.fileno()).st_size == state.sizes.get(name):
                return file
            if file is not None:
                file.close()
    raise UserError(
        f"{folder / name}: is missing or truncated. Delete {folder / _STATE} and run 'hardmine index' again."
    )


def is_index(folder: Path) -> bool:
    """Whether a folder is an index, one whose first publishing was cut off too."""
    return any(os.path.lexists(folder / name) for name in (_STATE, f"{_NEXT}/{_STATE}"))


def files_now(folder: Path) -> list[Path]:
    """Where ``index.json`` and the files of its generation lie at the moment; nothing is opened."""
    names = (_STATE, *FILES)
    if not os.path.lexists(folder / _NEXT / _STATE):
        return [folder / name for name in names]
    return [folder / _NEXT / name if os.path.lexists(folder / _NEXT / name) else folder / name for name in names]


def _publish(folder: Path) -> None:
    with _writing(folder):
        for name in (*FILES, _STATE):
            if os.path.lexists(folder / _NEXT / name):
                os.replace(folder / _NEXT / name, folder / name)
    shutil.rmtree(folder / _NEXT, ignore_errors=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename2 or error.filename or folder
        raise UserError(f"{place}: cannot be written: {error.strerror or error}. Mend that, then run again.") from None


def _state_at(path: Path) -> IndexState | None:
    with reading(path, "Delete it and run 'hardmine index' again."):
        file = _opened(path)
        if file is None:
            return None
        with file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise UserError(f"{path}: is larger than {LARGEST:,} bytes, the most that it may have.")
        return parsed(path, content.decode("utf-8"))


def _opened(path: Path) -> BinaryIO | None:
    """A regular file, not through a link; None where there is none."""
    try:
        return os.fdopen(open_regular(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
