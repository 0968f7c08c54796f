"""Candidates as SCHEM finds them: the classes nearest to an anchor by their signatures, then the nearest images there.

A signature here is the direction of a class's mean embedding, which is what SCHEM's signatures start from and what its
loss draws them to; an anchor group of one image decides (``methods/schem/signatures.py`` has the search on torch).
"""

import numpy as np

from hardmine.retrieval.products import pair_distances

from .candidates import Candidates
from .positives import first_places, members_of

__all__ = ["hard_classes", "in_hard_classes", "mean_signatures"]

_CELLS = 2**21
"""Similarities, or distances, at a time."""


def mean_signatures(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Directions of the classes' mean embeddings, float64 [C, D]; zero where the mean has no length.

    Args:
        vectors: float32 [N, D] of length 1.
        labels: int64 [N], 0..C-1.
    """
    means = np.stack([vectors[rows].astype(np.float64).sum(axis=0) for rows in members_of(labels)])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return np.divide(means, lengths, out=np.zeros_like(means), where=lengths > 1e-12)


def hard_classes(vectors: np.ndarray, own: np.ndarray, signatures: np.ndarray, count: int) -> np.ndarray:
    """The classes nearest to each anchor, its own left out, nearest first; int64 [b, min(count, C - 1)].

    Args:
        vectors: float32 [b, D], of the anchors.
        own: int64 [b], their classes.
        signatures: float64 [C, D].
        count: classes wanted.
    """
    keys = -(vectors.astype(np.float64) @ signatures.T)
    keys[np.arange(len(own)), own] = np.inf
    return first_places(keys, min(count, len(signatures) - 1))


def in_hard_classes(
    vectors: np.ndarray, labels: np.ndarray, anchors: np.ndarray, count: int, classes: int, work: Candidates
) -> None:
    """The images nearest to each anchor in its hardest classes; see ``nearest_others`` for the arguments.

    Time grows with the images that the hard classes hold together, memory is bounded.
    """
    signatures = mean_signatures(vectors, labels)
    members = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    starts = np.cumsum(sizes) - sizes
    widest = int(np.sort(sizes)[-classes:].sum())
    step = max(1, _CELLS // max(len(sizes), widest))
    for start in range(0, len(anchors), step):
        own = anchors[start : start + step]
        chosen = hard_classes(vectors[own], labels[own], signatures, classes)
        lengths = sizes[chosen]
        owners = np.repeat(np.arange(len(own)), lengths.sum(axis=1))
        within = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths.ravel(), lengths.ravel())
        rows = members[np.repeat(starts[chosen].ravel(), lengths.ravel()) + within]
        squared = pair_distances(vectors[own], vectors, owners, rows)
        order = np.lexsort((rows, squared, owners))
        owners, rows, squared = owners[order], rows[order], squared[order]
        place = np.arange(len(owners)) - np.searchsorted(owners, owners)
        kept = place < count
        listed = np.full((len(own), count), -1, dtype=np.int64)
        distances = np.full((len(own), count), np.inf)
        listed[owners[kept], place[kept]] = rows[kept]
        distances[owners[kept], place[kept]] = squared[kept]
        work(own, listed, distances)
