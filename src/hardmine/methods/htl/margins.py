"""Margins of pairs of classes by a tree, as they stand between two trees: part of a checkpoint."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .tree import ClassTree

__all__ = ["Margins", "margins_of", "mean_margin", "nearest_classes", "shuffled_pairs"]


def margins_of(heights: np.ndarray, spreads: np.ndarray, beta: float, floor: str = "none") -> np.ndarray:
    """α(p, q) = β + d_H(p, q) - s_p, float64 [C, C], of anchors in p and negatives in q; not symmetric.

    Args:
        heights: d_H, float64 [C, C].
        spreads: s, float64 [C].
        beta: β.
        floor: least margin: ``none``, ``zero`` or ``beta``.
    """
    margins = beta + heights - spreads[:, None]
    least = {"none": -np.inf, "zero": 0.0, "beta": beta}[floor]
    return np.maximum(margins, least)


def shuffled_pairs(values: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """The same values, dealt anew to the pairs of classes; float64 [C, C], symmetric, the diagonal as it was."""
    first, second = np.triu_indices(len(values), 1)
    shuffled = values.copy()
    shuffled[first, second] = shuffled[second, first] = draws.permutation(values[first, second])
    return shuffled


def nearest_classes(distances: np.ndarray) -> np.ndarray:
    """Of each class the others, nearest first, ties to the lower class; int64 [C, C-1]."""
    order = np.argsort(distances + np.diag(np.full(len(distances), np.inf)), axis=1, kind="stable")
    return order[:, :-1]


def mean_margin(margins: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Mean margin of a batch's triplets, a scalar; 0 where there is none.

    Args:
        margins: float [n, n] of anchors and negatives.
        positives: bool [n, n].
        negatives: bool [n, n].
    """
    triplets = positives.sum(dim=1, keepdim=True) * negatives
    return (margins * triplets).sum() / triplets.sum().clamp(min=1)


class Margins:
    """α of the last tree, and the nearest classes of that moment.

    Attributes:
        values: α, float32 [C, C], or None before the first tree.
        nearest: int64 [C, C-1], see ``nearest_classes``; empty before the first tree.
    """

    def __init__(self) -> None:
        self.values: Tensor | None = None
        self.nearest = np.empty((0, 0), dtype=np.int64)

    def take(self, tree: ClassTree, margins: np.ndarray) -> None:
        """Replace what an earlier tree left."""
        self.values = torch.from_numpy(margins).float()
        self.nearest = nearest_classes(tree.distances)

    def agreement(self, distances: np.ndarray, count: int) -> float | None:
        """Mean Jaccard index of the ``count`` nearest classes of before and by new distances; None before a tree."""
        count = min(count, len(distances) - 1)
        if not len(self.nearest) or not count:
            return None
        pairs = zip(self.nearest[:, :count], nearest_classes(distances)[:, :count], strict=True)
        shared = np.array([len(np.intersect1d(before, now)) for before, now in pairs])
        return float((shared / (2 * count - shared)).mean())

    def state_dict(self) -> dict[str, Any]:
        """Margins and nearest classes."""
        return {"values": self.values, "nearest": self.nearest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take saved ones."""
        self.values = state["values"]
        self.nearest = np.array(state["nearest"], dtype=np.int64)
