"""Similarities of all pairs of images: what a threshold would let through, and what it would miss."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

__all__ = ["FNMR", "OPIS", "Pairs", "consistency", "fnmr_at", "pair_metrics", "pairs_of", "whole_classes"]

FNMR = {"fnmr@0.01": 0.01, "fnmr@0.001": 0.001}
"""Names of false non-match rates, and the false-match rates at which they are taken."""
OPIS = "opis"

_STEP = 1 / 2048
"""Of distance, at which pairs are counted: Euclidean, of vectors of length 1, 0 to 2."""
CALIBRATION = 0.1, 0.01
"""Consistency is taken between the thresholds of these false-match rates; the paper leaves the range to its user."""
_BINS = round(2 / _STEP) + 1
_BLOCK = 256
_GROUPS = 16


@dataclass(frozen=True)
class Pairs:
    """All pairs among some images by their distance, and each image's nearest.

    Attributes:
        labels: int64 [N], class numbers from 0, all of 0 to C - 1 there.
        same: int64 [C, B], pairs of images of a class by distance in steps of 1/2048.
        other: int64 [C, B], pairs of an image of the class and one of another class.
        own: float64 [N], cosine similarity of the most similar other image of the class; -inf where there is none.
        others: float64 [N, G], of the most similar image among the other classes of each of G groups; -inf likewise.
            Classes are dealt into the groups at random, so that any of the groups are a smaller gallery.
    """

    labels: np.ndarray
    same: np.ndarray
    other: np.ndarray
    own: np.ndarray
    others: np.ndarray

    @property
    def best_other(self) -> np.ndarray:
        """Similarity of the most similar image of any other class, float64 [N]; -inf where there is none."""
        return self.others.max(axis=1)


def whole_classes(labels: np.ndarray, limit: int) -> np.ndarray:
    """Places, ascending, of the images of classes drawn with a fixed seed, two or as many as have ``limit`` images.

    Args:
        labels: int64 [N], class numbers from 0.
        limit: images; where there are not more, all are taken.
    """
    if len(labels) <= limit:
        return np.arange(len(labels))
    sizes = np.bincount(labels)
    order = np.random.default_rng(0).permutation(len(sizes))
    kept = order[: max(2, int((np.cumsum(sizes[order]) <= limit).sum()))]
    return np.flatnonzero(np.isin(labels, kept))


def pairs_of(vectors: np.ndarray, labels: np.ndarray, threads: int = 1) -> Pairs:
    """Measure all pairs, in float64: no count hangs on threads, blocks or the processor.

    Args:
        vectors: float32 [N, D]; their length does not matter, but a vector of 0 has similarity 0 to all.
        labels: int64 [N], any numbers.
        threads: blocks done at once; one takes about 20·256·N bytes.
    """
    from threadpoolctl import threadpool_limits

    labels = np.unique(labels, return_inverse=True)[1]
    count = int(labels.max()) + 1
    groups = min(_GROUPS, 2 ** int(np.log2(max(count // 2, 1))))
    dealt = np.random.default_rng(0).permutation(count) % groups
    order = np.lexsort((labels, dealt[labels]))
    search = _Search(_unit(vectors[order]), labels[order], np.searchsorted(dealt[labels[order]], np.arange(groups)))
    same, other = np.zeros((2, count, _BINS), np.int64)
    own, others = np.empty(len(labels)), np.empty((len(labels), groups))
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        for part, block in pool.map(search.block, range(0, len(labels), _BLOCK)):
            own[order[part]], others[order[part]] = block.own, block.others
            for label, within, beyond in block.counts:
                same[label] += within
                other[label] += beyond
    return Pairs(labels, same // 2, other, own, others)


def pair_metrics(pairs: Pairs) -> dict[str, float]:
    """The false non-match rates of ``FNMR`` and ``OPIS``; nothing where there are no pairs of one class or of two."""
    values = {name: fnmr_at(pairs, rate) for name, rate in FNMR.items()} | {OPIS: consistency(pairs)}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def fnmr_at(pairs: Pairs, rate: float) -> float:
    """The false non-match rate at a false-match rate.

    Pairs nearer than a distance match: the largest distance that matches at most ``rate`` of the pairs of two classes
    does not match this share of the pairs of one class. nan where there are no pairs of either kind.
    """
    same, other = pairs.same.sum(axis=0), pairs.other.sum(axis=0)
    if not same.any() or not other.any():
        return float("nan")
    return 1 - float(same[: _reach(other, rate)].sum() / same.sum())


def consistency(pairs: Pairs) -> float:
    """OPIS, the operating-point inconsistency score: how differently one threshold does on the classes; 0 is the best.

    The utility of a class at a threshold is the harmonic mean of 1 - its false-match rate and 1 - its false non-match
    rate; the score is its variance over classes, averaged over the thresholds of ``CALIBRATION`` (Zhang et al. 2024,
    "Threshold-Consistent Margin Loss for Open-World Deep Metric Learning", section 3; recalled). nan without pairs.
    """
    chosen = pairs.same.any(axis=1) & pairs.other.any(axis=1)
    if not chosen.any():
        return float("nan")
    last, first = (_reach(pairs.other.sum(axis=0), rate) for rate in CALIBRATION)
    right = _share_within(pairs.same[chosen])[:, first : last + 1]
    kept_apart = 1 - _share_within(pairs.other[chosen])[:, first : last + 1]
    utility = 2 * right * kept_apart / np.maximum(right + kept_apart, np.finfo(np.float64).tiny)
    return float(utility.var(axis=0).mean())


def _share_within(counts: np.ndarray) -> np.ndarray:
    """Share of the pairs below each distance, from 0 to beyond the last; float64 [C, B + 1]."""
    return np.pad(counts.cumsum(axis=1), ((0, 0), (1, 0))) / counts.sum(axis=1, keepdims=True)


def _reach(counts: np.ndarray, rate: float) -> int:
    """How many bins, from the nearest on, hold at most ``rate`` of what is counted."""
    return int(np.searchsorted(counts.cumsum(), rate * counts.sum(), side="right"))


def _unit(vectors: np.ndarray) -> np.ndarray:
    long = vectors.astype(np.float64)
    return long / np.maximum(np.linalg.norm(long, axis=1, keepdims=True), np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class _Block:
    counts: Sequence[tuple[int, np.ndarray, np.ndarray]]
    own: np.ndarray
    others: np.ndarray


class _Search:
    """Some rows against all; images of one class, and classes of one group, stand together."""

    def __init__(self, unit: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> None:
        self._unit, self._labels, self._groups = unit, labels, groups
        edges = np.flatnonzero(np.diff(labels, prepend=-1, append=-1))
        self._starts = np.repeat(edges[:-1], np.diff(edges))
        self._ends = np.repeat(edges[1:], np.diff(edges))

    def block(self, start: int) -> tuple[slice, _Block]:
        part = slice(start, min(start + _BLOCK, len(self._unit)))
        similar = self._unit[part] @ self._unit.T
        similar[np.arange(len(similar)), np.arange(part.start, part.stop)] = -np.inf
        counts: dict[int, np.ndarray] = {}
        own = np.empty(len(similar))
        for row, values in enumerate(similar):
            low, high = self._starts[start + row], self._ends[start + row]
            count = counts.setdefault(int(self._labels[start + row]), np.zeros((2, _BINS), np.int64))
            own[row] = values[low:high].max()
            count[0] += _binned(values[low:high])
            values[low:high] = -np.inf
            count[1] += _binned(values)
        others = np.maximum.reduceat(similar, self._groups, axis=1)
        return part, _Block([(label, *count) for label, count in counts.items()], own, others)


def _binned(values: np.ndarray) -> np.ndarray:
    """How many similarities lie in each bin of distance; -inf is left out."""
    places = np.sqrt((2 - 2 * values).clip(0, 2**4)) * (1 / _STEP)
    return np.bincount(places.astype(np.intp).clip(max=_BINS), minlength=_BINS + 1)[:_BINS]
