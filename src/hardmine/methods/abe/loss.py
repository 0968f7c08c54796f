"""ABE's losses: contrastive pairs for each learner, and the divergence that keeps learners apart.

After public reading notes of the paper and a third-party re-implementation; whether the paper averages the divergence,
and whether its pairs of learners are ordered, is not verified.
"""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional

from hardmine.mining.pairs import BatchPairs

__all__ = ["all_images_divergence", "contrastive", "divergence", "siamese_pairs"]

ACTIVE = 1e-9
"""Hinges up to this count as 0: what lies on the margin depends on rounding."""


def contrastive(unit: Tensor, pairs: BatchPairs, margin: float = 1.0) -> Tensor:
    """(1/N) · [sum over positives of d + sum over negatives of max(0, m - d)], d = |e_i - e_j|²; 0 without pairs.

    Args:
        unit: e of one learner, float [n, d], rows of length 1.
        pairs: N positions in all, in the order of ``functional.pdist``.
        margin: m.
    """
    distances = functional.pdist(unit).square()
    count = len(pairs.positives) + len(pairs.negatives)
    hinges = (margin - distances[pairs.negatives]).clamp(min=0)
    return (distances[pairs.positives].sum() + hinges.sum()) / max(1, count)


def siamese_pairs(labels: Tensor) -> BatchPairs:
    """For every image of a batch a partner of its class, and one of another, half a batch apart.

    Neighbours (0,1), (2,3), … are positives, (0,n/2), (1,n/2+1), … negatives; such a pair is left out where its labels
    say otherwise.

    Args:
        labels: int64 [n], the images of a class side by side.
    """
    count, half = len(labels), len(labels) // 2
    even, low = torch.arange(0, count - 1, 2, device=labels.device), torch.arange(half, device=labels.device)
    positives = _places(even, even + 1, count)[labels[even] == labels[even + 1]]
    negatives = _places(low, low + half, count)[labels[low] != labels[low + half]]
    return BatchPairs(positives, negatives, count * (count - 1) // 2)


def _places(first: Tensor, second: Tensor, count: int) -> Tensor:
    """Positions of pairs first < second in the order (0,1), (0,2), …."""
    return first * (2 * count - first - 1) // 2 + second - first - 1


def divergence(learners: Sequence[Tensor], margin: float = 1.0, reduction: str = "mean") -> tuple[Tensor, Tensor]:
    """Sum or mean over images and unordered pairs of learners of max(0, m - |e_p,i - e_q,i|²); the share above 0.

    It has no gradient between learners that are equal.

    Args:
        learners: e, float [n, d] each, rows of length 1; two or more.
        margin: m.
        reduction: ``mean``, ``sum``, or ``active`` for the mean of those above 0.
    """
    apart = [(first - second).square().sum(dim=1) for first, second in combinations(learners, 2)]
    return _reduced((margin - torch.stack(apart)).clamp(min=0), reduction)


def all_images_divergence(learners: Sequence[Tensor], margin: float = 1.0) -> tuple[Tensor, Tensor]:
    """Mean of [e_p,i·e_q,j - (1 - m/2)]_+ above 0, over ordered learners p ≠ q and all images i, j; the share above 0.

    The form of HORDE's re-implementation (third-party), which keeps a learner from other images of the class too.

    Args:
        learners: e, float [n, d] each, rows of length 1; two or more.
        margin: m, on squared distances.
    """
    cosines = torch.stack([first @ second.T for first, second in combinations(learners, 2)])  # the others' transposes
    return _reduced((cosines - (1 - margin / 2)).clamp(min=0), "active")


def _reduced(hinges: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    active = hinges.detach() > ACTIVE
    share = active.float().mean()
    if reduction == "active":
        return hinges.sum() / active.sum().clamp(min=1), share
    return hinges.mean() if reduction == "mean" else hinges.sum(), share
