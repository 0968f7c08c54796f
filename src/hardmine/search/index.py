"""An index of a folder of images, open for search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardmine.errors import UserError

from .faiss_file import read_faiss
from .guard import reading
from .state import IndexState
from .store import open_file, read_state
from .table import ImageTable, read_table
from .vectors import nearest, nearest_exactly, tune

__all__ = ["ImageIndex", "open_index"]


@dataclass(frozen=True)
class ImageIndex:
    """An index, open for search.

    Attributes:
        folder: where it lies.
        state: what is known of it.
        table: its images.
    """

    folder: Path
    state: IndexState
    table: ImageTable
    _index: Any

    def search(self, queries: np.ndarray, count: int = 10, among: range | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The images most similar to each query.

        Args:
            queries: float32 [Q, D], rows of length 1.
            count: K, images wanted.
            among: rows that count, one after another; they are compared exactly, whatever the index. All unless given.

        Returns:
            Rows int64 [Q, K] and cosine similarities float32 [Q, K], descending; less than K where fewer are there.

        Raises:
            UserError: the index turns out to be damaged.
        """
        with reading(self.folder, "Run 'hardmine index' again."):
            if among is None:
                rows, similarities = nearest(self._index, self.table.vectors, self.table.copies, queries, count)
            else:
                rows, similarities = nearest_exactly(self.table.vectors[among.start : among.stop], queries, count)
                rows += among.start
            if not np.isfinite(similarities).all():
                raise ValueError("it has vectors that are not finite")
        return rows, similarities


def open_index(folder: Path, parameters: str = "") -> ImageIndex:
    """Open an index for search.

    Args:
        folder: of the index.
        parameters: how thoroughly an approximate index searches, as ``tune`` takes it.

    Raises:
        UserError: there is no index, a file of it is missing or damaged, or they do not fit together.
    """
    for attempt in range(5):
        state = read_state(folder)
        if state is None:
            raise UserError(f"{folder}: holds no index. 'hardmine index MODEL IMAGES -o {folder}' makes one.")
        try:
            with open_file(folder, state, "index.faiss") as file:
                index = read_faiss(folder / "index.faiss", file)
            table = read_table(folder, state)
        except UserError:
            if attempt == 4 or read_state(folder) == state:
                raise
            continue  # a new generation took its place meanwhile
        if read_state(folder) == state:
            _check_fit(folder, index, table)
            tune(index, parameters)
            return ImageIndex(folder, state, table, index)
    raise UserError(f"{folder}: is being rewritten all the time. Try again later.")


def _check_fit(folder: Path, index: Any, table: ImageTable) -> None:
    found, expected = (index.ntotal, index.d), (len(table.copies), table.vectors.shape[1])
    if found != expected:
        raise UserError(
            f"{folder / 'index.faiss'}: is damaged (it has {found[0]} vectors of {found[1]} numbers; the table has "
            f"{expected[0]} of {expected[1]}). Run 'hardmine index' again."
        )
