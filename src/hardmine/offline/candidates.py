"""Candidates for negatives: of every anchor the nearest images of other classes, a block of anchors at a time."""

from collections.abc import Callable

import numpy as np

from hardmine.retrieval.neighbours import lists_in
from hardmine.retrieval.products import Block, each_block

__all__ = ["Candidates", "nearest_others"]

Candidates = Callable[[np.ndarray, np.ndarray, np.ndarray], None]
"""Called with anchors int64 [b], rows int64 [b, K] by ascending distance (-1 behind a short list), and their squared
distances float64 [b, K] (infinite there); blocks come in any order, from several threads."""

_MEMORY = 2**29
"""Bytes of the blocks of distances of all threads."""
_CHUNK = 65_536
"""Anchors whose vectors are copied at a time."""
_LARGE = 1024
"""A class with more images than this is searched among the others alone, so that no list has to reach through it."""


def nearest_others(
    vectors: np.ndarray, labels: np.ndarray, anchors: np.ndarray, count: int, work: Candidates, threads: int = 1
) -> None:
    """Exact: lists and their order are those of a float64 search, ties going to the lower row.

    An anchor's list of ``count`` and as many more as its class has other images holds at least ``count`` of other
    classes; anchors of classes of like size come together. Memory is three times that of the vectors and 0.5 GB.

    Args:
        vectors: float32 [N, D], may be memory-mapped.
        labels: int64 [N].
        anchors: int64 [M], rows.
        count: K, candidates of each anchor, fewer where there are no more.
        work: takes the candidates.
        threads: blocks done at once.
    """
    sizes = np.bincount(labels)
    large = sizes[labels[anchors]] > max(_LARGE, 4 * count)
    small = anchors[~large]
    small = small[np.argsort(sizes[labels[small]], kind="stable")]
    everyone = np.arange(len(labels))
    for start in range(0, len(small), _CHUNK):
        _search(vectors, labels, small[start : start + _CHUNK], everyone, count, work, threads)
    for label in np.unique(labels[anchors[large]]):
        others = np.flatnonzero(labels != label)
        _search(vectors, labels, anchors[labels[anchors] == label], others, count, work, threads)


def _search(
    vectors: np.ndarray,
    labels: np.ndarray,
    anchors: np.ndarray,
    rows: np.ndarray,
    count: int,
    work: Candidates,
    threads: int,
) -> None:
    """Search the gallery ``rows``: all images, or those of other classes alone."""
    whole = len(rows) == len(labels)
    sizes = np.bincount(labels) if whole else np.ones(int(labels.max()) + 1, dtype=np.int64)
    block = int(max(8, min(256, _MEMORY // (5 * threads * max(1, len(rows))))))

    def fill(part: slice, one: Block) -> None:
        own = anchors[part]
        length = min(count + int(sizes[labels[own]].max()) - 1, len(rows) - whole)
        found, squared = lists_in(one, length)
        found = rows[found]
        other = labels[found] != labels[own][:, None]
        rank = other.cumsum(axis=1)
        kept = other & (rank <= count)
        owners, _ = np.nonzero(kept)
        listed = np.full((len(own), count), -1, dtype=np.int64)
        distances = np.full((len(own), count), np.inf)
        listed[owners, rank[kept] - 1] = found[kept]
        distances[owners, rank[kept] - 1] = squared[kept]
        work(own, listed, distances)

    gallery = vectors if whole else vectors[rows]
    each_block(fill, vectors[anchors], gallery, anchors if whole else None, threads, block)
