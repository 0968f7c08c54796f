"""The tree of classes: who merges with whom, and at which level two classes first share a node."""

from dataclasses import dataclass

import numpy as np

__all__ = ["FARTHEST", "ClassTree", "build_tree", "merge", "merge_levels"]

FARTHEST = 4.0
"""The largest squared distance of unit vectors: the root of every tree."""


@dataclass(frozen=True)
class ClassTree:
    """A tree over C classes, from one look at the embedding.

    Attributes:
        distances: d, float64 [C, C], mean squared distances of classes.
        spreads: s, float64 [C], mean squared distances within classes; d_0 for a class with one image.
        thresholds: d_0..d_L, float64 [L+1].
        levels: int64 [C, C], the first level at which two classes share a node; 0 on the diagonal.
        merges: float64 [C-1, 3], in their order: the lowest class of the one node, of the other, their distance.
            Empty without linkage.
    """

    distances: np.ndarray
    spreads: np.ndarray
    thresholds: np.ndarray
    levels: np.ndarray
    merges: np.ndarray

    @property
    def heights(self) -> np.ndarray:
        """d_H, float64 [C, C]: the threshold of the level at which two classes meet."""
        heights: np.ndarray = self.thresholds[self.levels]
        return heights

    def nodes(self) -> np.ndarray:
        """Nodes at each level, int64 [L+1]: classes, less the merges below its threshold; 1 at the last."""
        below = np.searchsorted(np.sort(self.merges[:, 2]), self.thresholds, side="left")
        nodes = len(self.spreads) - below
        nodes[-1] = 1
        return nodes


def build_tree(distances: np.ndarray, spreads: np.ndarray, counts: np.ndarray, levels: int, linkage: str) -> ClassTree:
    """The tree of classes by their distances.

    d_0 is the mean spread, d_l = d_0 + l·(4 - d_0)/L; a class with one image has no spread of its own, is left out
    of d_0 and takes it.

    Args:
        distances: d, float64 [C, C].
        spreads: s, float64 [C], not a number for a class with one image; at least one is one.
        counts: int64 [C], images of each class.
        levels: L.
        linkage: see ``merge``; ``none`` compares classes alone.
    """
    start = float(np.nanmean(spreads))
    thresholds = start + np.arange(levels + 1) * (FARTHEST - start) / levels
    if linkage == "none":
        heights, merges = distances, np.empty((0, 3))
    else:
        heights, merges = merge(distances, counts, linkage)
    own = np.where(np.isnan(spreads), start, spreads)
    return ClassTree(distances, own, thresholds, merge_levels(heights, thresholds), merges)


def merge_levels(heights: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """First level whose threshold is above a pair's height, int64 [C, C]; the last where none is, 0 on the diagonal.

    Args:
        heights: float64 [C, C], the distance at which two classes come into one node.
        thresholds: float64 [L+1], ascending.
    """
    found = np.minimum(np.searchsorted(thresholds, heights, side="right"), len(thresholds) - 1)
    np.fill_diagonal(found, 0)
    return found


def merge(distances: np.ndarray, counts: np.ndarray, linkage: str) -> tuple[np.ndarray, np.ndarray]:
    """Merge the two nearest nodes until one is left; O(C²) steps as a rule, ties to the lower class.

    None of the three linkages ever goes down, so cutting at a threshold gives what merging below it would.

    Args:
        distances: d, float64 [C, C], symmetric.
        counts: int64 [C], images of each class.
        linkage: ``average`` (over the pairs of images of two nodes), ``single`` or ``complete``.

    Returns:
        Heights float64 [C, C], at which two classes come into one node, and merges float64 [C-1, 3] (``ClassTree``).
    """
    size = len(distances)
    between = distances.astype(np.float64).copy()
    np.fill_diagonal(between, np.inf)
    weights, members = counts.astype(np.float64), [np.array([label]) for label in range(size)]
    heights, merges = np.zeros((size, size)), np.empty((size - 1, 3))
    nearest = between.min(axis=1, initial=np.inf)
    for step in range(size - 1):
        first = int(nearest.argmin())
        second = int(between[first].argmin())
        merges[step] = first, second, between[first, second]
        heights[np.ix_(members[first], members[second])] = between[first, second]
        heights[np.ix_(members[second], members[first])] = between[first, second]
        stale = (between[:, first] <= nearest) | (between[:, second] <= nearest)
        row = _joined(between[first], between[second], weights[first], weights[second], linkage)
        row[[first, second]] = np.inf
        between[first] = between[:, first] = row
        between[second] = between[:, second] = np.inf
        nearest = np.minimum(nearest, row)
        nearest[stale] = between[stale].min(axis=1)
        weights[first] += weights[second]
        members[first] = np.concatenate([members[first], members[second]])
    return heights, merges


def _joined(first: np.ndarray, second: np.ndarray, one: float, other: float, linkage: str) -> np.ndarray:
    """Distances of a new node to all others."""
    match linkage:
        case "single":
            return np.minimum(first, second)
        case "complete":
            return np.maximum(first, second)
    return (one * first + other * second) / (one + other)
