"""Equal vectors of an index: each is searched once and stands for all rows that have it.

Many copies of one picture would fill an approximate index's links or cells and hide other pictures behind them.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["Copies", "numbers_of"]


def numbers_of(vectors: np.ndarray) -> np.ndarray:
    """Numbers of the distinct vectors that rows have, in the order of their first rows.

    Args:
        vectors: float32 [N, D], may be memory-mapped.

    Returns:
        int64 [N]; equal exactly where all numbers of two rows are the same bytes.
    """
    digests = bytearray()
    for row in vectors:
        digests += hashlib.blake2b(row.tobytes(), digest_size=16).digest()
    _, first, which = np.unique(np.frombuffer(digests, "V16"), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which]


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

    @cached_property
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
        flat, totals = each.ravel(), each.sum(axis=1)
        within = np.arange(flat.sum()) - np.repeat(np.cumsum(flat) - flat, flat)
        there = np.arange(max(count, totals.max(initial=0))) < totals[:, None]
        rows, values = np.full(there.shape, -1, np.int64), np.full(there.shape, -np.inf, np.float32)
        rows[there] = self.rows[np.repeat(self.starts[numbers].ravel(), flat) + within]
        values[there] = np.repeat(similarities.ravel(), flat)
        order = np.lexsort((rows, -values), axis=1)[:, :count]
        found = np.take_along_axis(values, order, axis=1)
        return np.take_along_axis(rows, order, axis=1), np.where(np.isneginf(found), np.float32(-1), found)
