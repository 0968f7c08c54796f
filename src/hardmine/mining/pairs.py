"""Pairs of a batch: how far apart they are, and which of them are of one class."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["BatchPairs", "nearest_is_positive", "pairwise_distances", "triplet_masks"]


@dataclass(frozen=True)
class BatchPairs:
    """All unordered pairs of a batch.

    A pair is named by its position in the list (0,1), (0,2), …, (0,n-1), (1,2), …: the order of ``functional.pdist``.

    Attributes:
        positives: positions of the pairs of one class, int64, ascending.
        negatives: positions of the other pairs, int64, ascending.
        total: n(n-1)/2.
    """

    positives: Tensor
    negatives: Tensor
    total: int

    @classmethod
    def of(cls, labels: Tensor) -> "BatchPairs":
        """The pairs of images with the given labels, int64 [n]."""
        first, second = torch.triu_indices(len(labels), len(labels), 1, device=labels.device)
        same = labels[first] == labels[second]
        return cls(same.nonzero().squeeze(1), (~same).nonzero().squeeze(1), len(same))


def pairwise_distances(first: Tensor, second: Tensor, kind: str = "squared") -> Tensor:
    """Distances of unit vectors by their cosine similarity S, float [a, n].

    ``squared``: 2 - 2S; ``cosine``: 1 - S; ``euclidean``: the root of 2 - 2S, without gradient where it is 0.

    Args:
        first: float [a, D] of length 1.
        second: float [n, D] of length 1.
        kind: one of the three.
    """
    similarity = first @ second.T
    match kind:
        case "squared":
            return 2 - 2 * similarity
        case "cosine":
            return 1 - similarity
    return (2 - 2 * similarity).clamp(min=1e-12).sqrt()


def triplet_masks(labels: Tensor, rows: Tensor, anchors: int) -> tuple[Tensor, Tensor]:
    """Which images of a batch are positives and negatives of the first ``anchors`` images, both bool [a, n].

    Args:
        labels: int64 [n].
        rows: int64 [n], which image each is: a repeated image is no positive of itself.
        anchors: a.
    """
    same = labels[:anchors, None] == labels[None, :]
    return same & (rows[:anchors, None] != rows[None, :]), ~same


def nearest_is_positive(distances: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Recall at 1 within a batch: share of the images with a positive whose nearest one is nearer than any negative.

    Args:
        distances: float [n, n], or any score that is small for pairs taken to be of one class.
        positives: bool [n, n].
        negatives: bool [n, n].

    Returns:
        A scalar; 0 where no image has a positive.
    """
    near = distances.masked_fill(~positives, torch.inf).amin(dim=1)
    far = distances.masked_fill(~negatives, torch.inf).amin(dim=1)
    asked = positives.any(dim=1)
    return ((near < far) & asked).sum() / asked.sum().clamp(min=1)
