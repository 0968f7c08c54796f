"""An index of a folder of images, open for search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hardmine.errors import UserError

from .copies import Copies
from .store import IndexState, locate, read_state
from .vectors import nearest, read_faiss, tune

__all__ = ["LOOK", "ImageIndex", "ImageTable", "open_index", "read_table"]

LOOK = ("size", "mtime_ns", "ctime_ns", "inode")
"""Columns of ``images.parquet`` that tell whether a file may have changed."""


@dataclass(frozen=True)
class ImageTable:
    """The images of an index, one a row.

    Attributes:
        paths: within the folder of images, with ``/``, ascending.
        digests: SHA-256 of the files.
        looks: int64 [N, 4], size, times and inode of each file as ``LOOK`` names them; -1
            where an index of format 1 does not say.
        vectors: float32 [N, D], length 1, memory-mapped.
        copies: the rows of each distinct vector, which is what faiss's index holds.
    """

    paths: list[str]
    digests: list[str]
    looks: np.ndarray
    vectors: np.ndarray
    copies: Copies


@dataclass(frozen=True)
class ImageIndex:
    """An index, open for search.

    Attributes:
        state: what is known of it.
        table: its images.
    """

    state: IndexState
    table: ImageTable
    _index: Any

    def search(self, queries: np.ndarray, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """The images most similar to each query.

        Args:
            queries: float32 [Q, D], rows of length 1.
            count: K, images wanted.

        Returns:
            Rows int64 [Q, K] and cosine similarities float32 [Q, K], descending; less than K where fewer are there.
        """
        return nearest(self._index, self.table.vectors, self.table.copies, queries, count)


def open_index(folder: Path, parameters: str = "") -> ImageIndex:
    """Open an index for search.

    Args:
        folder: of the index.
        parameters: how thoroughly an approximate index searches, as ``tune`` takes it.

    Raises:
        UserError: there is no index, or a file of it is missing or damaged.
    """
    for attempt in range(5):
        state = read_state(folder)
        if state is None:
            raise UserError(f"{folder}: holds no index. 'hardmine index MODEL IMAGES -o {folder}' makes one.")
        try:
            index = read_faiss(locate(folder, state, "index.faiss"))
            table = read_table(folder, state)
        except (UserError, OSError):
            if attempt == 4 or read_state(folder) == state:
                raise
            continue  # a new generation took its place meanwhile
        if read_state(folder) == state:
            tune(index, parameters)
            return ImageIndex(state, table, index)
    raise UserError(f"{folder}: is being rewritten all the time. Try again later.")


def read_table(folder: Path, state: IndexState) -> ImageTable:
    """The images and vectors of an index.

    Raises:
        UserError: a file is missing or damaged.
    """
    try:
        with open(locate(folder, state, "images.parquet"), "rb") as file:
            table = pq.read_table(file)
        vectors = np.load(locate(folder, state, "vectors.npy"), mmap_mode="r", allow_pickle=False)
        paths, digests = table.column("path").to_pylist(), table.column("sha256").to_pylist()
        looks = np.stack([_numbers(table, name, -1) for name in LOOK], axis=1)
        copies = Copies.of(_numbers(table, "vector", None))
    except (pa.ArrowException, ValueError, EOFError, KeyError) as error:
        raise UserError(
            f"{folder}: is damaged ({error}). Delete {folder}/index.json and run 'hardmine index' again."
        ) from None
    return ImageTable(paths, digests, looks, vectors, copies)


def _numbers(table: pa.Table, name: str, missing: int | None) -> np.ndarray:
    """A column of whole numbers; of an index of format 1, without it, ``missing``, or if None the row's own number."""
    if name in table.column_names:
        return table.column(name).to_numpy()
    return np.arange(len(table)) if missing is None else np.full(len(table), missing)
