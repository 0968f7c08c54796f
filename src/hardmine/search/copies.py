"""Equal vectors of an index: each is searched once and stands for all rows that have it.

Many copies of one picture would fill an approximate index's links or cells and hide other pictures behind them.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

__all__ = ["Copies", "numbers_of"]


def numbers_of(vectors: np.ndarray) -> np.ndarray:
    """Numbers of the distinct vectors that rows have, in the order of their first rows.

    Args:
        vectors: float32 [N, D], may be memory-mapped.

    Returns:
        int64 [N]; equal exactly where all numbers of two rows are the same bytes.
    """
    known: dict[bytes, int] = {}
    contents = (hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in vectors)
    return np.fromiter((known.setdefault(content, len(known)) for content in contents), np.int64, len(vectors))


@dataclass(frozen=True)
class Copies:
    """Which rows each of M distinct vectors stands for.

    Attributes:
        rows: int64 [N], all rows, by their vector's number and then ascending.
        starts: int64 [M], where a vector's rows begin among them.
        counts: int64 [M], how many there are.
    """

    rows: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Copies":
        """From the number of each row's vector, int64 [N], with every number from 0 to M - 1 among them."""
        counts = np.bincount(numbers)
        return cls(np.argsort(numbers, kind="stable"), np.cumsum(counts) - counts, counts)

    def __len__(self) -> int:
        """M, the number of distinct vectors."""
        return len(self.counts)

    @property
    def first(self) -> np.ndarray:
        """The lowest row of each vector, int64 [M]."""
        return self.rows[self.starts]

    def reach(self, numbers: np.ndarray, count: int) -> np.ndarray:
        """How many rows each vector stands for, ``count`` at most, and 0 for -1; int64, of the same shape."""
        return np.where(numbers >= 0, np.minimum(self.counts[numbers], count), 0)

    def best(self, numbers: np.ndarray, similarities: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The most similar rows that the vectors proposed for each query stand for.

        Args:
            numbers: int64 [Q, P], vectors proposed, none twice for a query; -1 for none.
            similarities: float32 [Q, P].
            count: K, rows wanted.

        Returns:
            Rows int64 [Q, K] and similarities float32 [Q, K], descending, ties by ascending row; row -1 and similarity
            -1 where there are fewer.
        """
        each = self.reach(numbers, count)
        flat = each.ravel()
        within = np.arange(flat.sum()) - np.repeat(np.cumsum(flat) - flat, flat)
        rows = self.rows[np.repeat(self.starts[numbers].ravel(), flat) + within]
        values = np.repeat(similarities.ravel(), flat)
        totals = each.sum(axis=1)
        queries = np.repeat(np.arange(len(numbers)), totals)
        order = np.lexsort((rows, -values, queries))
        place = np.arange(count)
        chosen = np.minimum((np.cumsum(totals) - totals)[:, None] + place, max(0, len(order) - 1))
        there = place < totals[:, None]
        if not len(order):
            return np.full(there.shape, -1, np.int64), np.full(there.shape, -1, np.float32)
        found = order[chosen]
        return np.where(there, rows[found], -1), np.where(there, values[found], np.float32(-1))
