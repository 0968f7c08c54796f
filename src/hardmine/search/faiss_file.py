"""``index.faiss``: written, and read without opening any other file.

faiss's format has inverted lists that lie in another file, whose name is in this one; reading such an index would open
that file, for writing too. hardmine never writes them.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import faiss

from hardmine.artefacts import writing
from hardmine.foreign import shown

from .guard import reading

__all__ = ["read_faiss", "write_faiss"]

_ELSEWHERE = b"ilod"
"""Begins inverted lists that lie in another file."""
_FLAT = (b"IxF2", b"IxFI", b"IxFl")
"""Begin indexes that are vectors and nothing else."""
_CHUNK = 2**20
_BESIDE = 2**28
"""Bytes that an index may take beyond its file: for some kinds faiss counts a square of dimensions that takes none."""


def write_faiss(index: Any, path: Path) -> None:
    """Write a faiss index.

    Raises:
        UserError: the file cannot be written.
    """
    with writing(path) as temporary, _name_for_faiss(temporary) as name:
        try:
            faiss.write_index(index, name)
        except RuntimeError as error:
            raise OSError(str(error).splitlines()[0]) from None


def read_faiss(path: Path, file: BinaryIO | None = None) -> Any:
    """Read a faiss index.

    Args:
        path: of the file, for messages.
        file: the same, open; opened here unless given.

    Raises:
        UserError: the file is damaged, or says that parts of it lie in another file.
    """
    if file is None:
        with reading(path), open(path, "rb") as opened:
            return read_faiss(path, opened)
    with reading(path, "Run 'hardmine index' again."), _bounded(os.fstat(file.fileno()).st_size):
        if file.read(len(_FLAT[0])) in _FLAT:
            return faiss.read_index(f"/dev/fd/{file.fileno()}")
        return faiss.read_index(faiss.PyCallbackIOReader(_piecewise(file), _CHUNK))  # type: ignore[attr-defined]


def _piecewise(file: BinaryIO) -> Callable[[int], bytes]:
    """A reader for faiss, which asks for the four bytes that begin a part by themselves."""
    file.seek(0)

    def read(count: int) -> bytes:
        found = file.read(count)
        if found == _ELSEWHERE:
            raise ValueError("its lists lie in another file, which is not opened")
        return found

    return read


@contextmanager
def _bounded(size: int) -> Iterator[None]:
    """Have faiss take little more memory than a file of ``size`` bytes holds, where it knows such limits."""
    if not hasattr(faiss, "set_deserialization_vector_byte_limit"):  # before 1.14
        yield
        return
    vectors, loops = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
    faiss.set_deserialization_vector_byte_limit(size + _BESIDE)
    faiss.set_deserialization_loop_limit(size)
    try:
        yield
    finally:
        faiss.set_deserialization_vector_byte_limit(vectors)
        faiss.set_deserialization_loop_limit(loops)


@contextmanager
def _name_for_faiss(path: Path) -> Iterator[str]:
    """A file's name for writing, which faiss takes in UTF-8 only; by an open file's number where it is none."""
    if shown(path) == str(path):
        yield str(path)
    else:
        with open(path, "wb") as file:
            yield f"/dev/fd/{file.fileno()}"
