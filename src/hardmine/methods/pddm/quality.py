"""How good scores of pairs are: whether positives rank before negatives, and whether two scores rank pairs alike."""

import torch
from torch import Tensor

from hardmine.mining import Quadruplets

__all__ = ["agreement", "rank_correlation", "ranking_quality"]


def ranking_quality(similarities: Tensor, same: Tensor) -> Tensor:
    """Area under the ROC curve, a scalar: the chance that a positive pair scores above a negative one, ties half.

    Args:
        similarities: of pairs, float [p].
        same: bool [p], which are of one class; some are and some are not.
    """
    ranks, positives = _ranks(similarities), same.sum()
    return (ranks[same].sum() - positives * (positives + 1) / 2) / (positives * (~same).sum())


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation, a scalar; 0 where one side has a single value.

    Args:
        first: float [p].
        second: float [p].
    """
    one, other = (ranks - ranks.mean() for ranks in (_ranks(first), _ranks(second)))
    return (one * other).sum() / (one.norm() * other.norm()).clamp(min=1e-12)


def agreement(first: Quadruplets, second: Quadruplets) -> Tensor:
    """Share of the first quadruplets that are among the second, a scalar; 0 where there are none."""
    one, other = (torch.stack([q.anchors, q.positives, q.negatives, q.others], dim=1) for q in (first, second))
    return (one[:, None] == other[None]).all(dim=2).any(dim=1).sum() / max(1, len(first))


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 1, equal values share their mean rank; float64 [p]."""
    _, places, counts = values.unique(return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    return (ends - (counts - 1) / 2)[places]
