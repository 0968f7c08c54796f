"""The folder of an index: a new generation takes the place of the old one at once, whatever is killed when.

A generation is written into ``.next/``, its ``index.json`` last: that is the moment from which it counts. Then its
files are moved over the old ones, ``index.json`` last again. A reader takes each file from ``.next/`` where a complete
generation lies there, so that it finds one generation or the other at every moment.
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field, PositiveInt, ValidationError

import hardmine
from hardmine.artefacts import write_text
from hardmine.errors import UserError
from hardmine.settings.base import Settings

__all__ = ["FILES", "IndexState", "MadeBy", "commit", "hold", "locate", "read_state", "recover", "stage"]

FORMAT_VERSION = 2
"""2: faiss's index holds each distinct vector once; 1, which held one for each image, is read too."""
FILES = ("index.faiss", "images.parquet", "vectors.npy", "vectors.parquet")
"""What a generation holds beside ``index.json``."""

_STATE = "index.json"
_NEXT = ".next"


class MadeBy(Settings):
    """The model of an index."""

    folder: str
    """Where it lay, absolute."""
    digest: str
    """SHA-256 of weights, network and preprocessing."""
    dimensions: PositiveInt
    """Of a vector."""


class IndexState(Settings):
    """Content of ``index.json``."""

    format_version: PositiveInt = FORMAT_VERSION
    """Of the folder."""
    library_version: str = hardmine.__version__
    """What wrote it."""
    model: MadeBy
    """What embedded the images."""
    images: str
    """The folder of the images, absolute."""
    factory: str
    """faiss's description of the index."""
    count: int = Field(ge=0)
    """Images in the index."""
    recall: float | None = None
    """Share of the ten nearest that searches of drawn images found when it was made; None where nobody looked."""
    unreadable: dict[str, str]
    """Images that were left out, with the reason."""
    scanned_ns: int
    """When the folder was read, nanoseconds since 1970."""
    sizes: dict[str, int]
    """Bytes of each file of the generation."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the index's lock; it dies with its holder.

    Raises:
        UserError: another process is writing the index, or the folder holds something else.
    """
    known = os.path.exists(folder / ".lock") or os.path.exists(folder / _STATE)
    if (os.path.exists(folder) and not folder.is_dir()) or (
        os.path.isdir(folder) and not known and any(folder.iterdir())
    ):
        raise UserError(f"{folder}: exists and is no index. Give a new folder with -o.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}.") from None
    with open(folder / ".lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: another process is writing this index. Wait for it to end.") from None
        yield


def recover(folder: Path) -> None:
    """Finish what a killed process had committed, drop what it had not; under the lock."""
    if (folder / _NEXT / _STATE).is_file():
        _publish(folder)


@contextmanager
def stage(folder: Path) -> Iterator[Path]:
    """An empty folder to write the next generation's files into and then ``commit``; under the lock."""
    shutil.rmtree(folder / _NEXT, ignore_errors=True)
    (folder / _NEXT).mkdir()
    try:
        yield folder / _NEXT
    finally:
        if not (folder / _NEXT / _STATE).is_file():
            shutil.rmtree(folder / _NEXT, ignore_errors=True)


def commit(folder: Path, state: IndexState) -> None:
    """Make the staged files the index."""
    content = state.model_dump()  # not in JSON's mode, which refuses folders whose names are not UTF-8
    write_text(folder / _NEXT / _STATE, json.dumps(content, indent=1) + "\n")
    _publish(folder)


def _publish(folder: Path) -> None:
    for name in (*FILES, _STATE):
        if (folder / _NEXT / name).exists():
            os.replace(folder / _NEXT / name, folder / name)
    shutil.rmtree(folder / _NEXT, ignore_errors=True)


def read_state(folder: Path) -> IndexState | None:
    """The state of an index; None where there is none.

    Raises:
        UserError: the file is damaged or of a newer format.
    """
    for path in (folder / _NEXT / _STATE, folder / _STATE):
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                continue
            raise
        return _parse(path, text)
    return None


def locate(folder: Path, state: IndexState, name: str) -> Path:
    """Where a file of the generation lies now.

    Raises:
        UserError: it is missing or has another size than the state says.
    """
    for path in (folder / _NEXT / name, folder / name):
        if path.is_file() and path.stat().st_size == state.sizes[name]:
            return path
    raise UserError(
        f"{folder / name}: is missing or truncated. Delete {folder / _STATE} and run 'hardmine index' again."
    )


def _parse(path: Path, text: str) -> IndexState:
    try:
        content = json.loads(text)
        version = content["format_version"]
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise UserError(
                f"{path}: has format {version}, written by hardmine {content.get('library_version', '?')}; this "
                f"hardmine ({hardmine.__version__}) reads formats up to {FORMAT_VERSION}. Upgrade it: "
                "pip install --upgrade hardmine"
            )
        return IndexState.model_validate(content)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: is damaged ({reason}). Delete it and run 'hardmine index' again.") from None
