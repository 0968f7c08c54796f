"""The triplet loss of SCHEM and HTL: all triplets of masks, with one margin or one for each anchor and negative."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["TripletLoss", "pairwise_distances", "triplet_loss", "triplet_masks"]


@dataclass(frozen=True)
class TripletLoss:
    """A triplet loss and how many triplets stand behind it.

    Attributes:
        value: the loss, a scalar with gradient; 0 where there is nothing to average.
        violating: number of triplets with a positive value, a scalar.
        triplets: number of triplets, a scalar.
    """

    value: Tensor
    violating: Tensor
    triplets: Tensor


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


def triplet_loss(
    distances: Tensor, positives: Tensor, negatives: Tensor, margin: float | Tensor, mean: str = "violating"
) -> TripletLoss:
    """Mean of l = max(0, d(a, p) - d(a, n) + m) over the triplets with l > 0, or over all of them.

    Args:
        distances: float [a, n] of anchors to images.
        positives: bool [a, n].
        negatives: bool [a, n].
        margin: m; a number, or float [a, n] with one for each anchor and negative.
        mean: ``violating`` or ``all``.
    """
    valid = positives[:, :, None] & negatives[:, None, :]
    added = margin[:, None, :] if isinstance(margin, Tensor) else margin
    values = torch.relu(distances[:, :, None] - distances[:, None, :] + added) * valid
    violating, triplets = (values > 0).sum(), valid.sum()
    count = violating if mean == "violating" else triplets
    return TripletLoss(values.sum() / count.clamp(min=1), violating, triplets)
