"""HTG's losses. Triplets are float [3, T, D]: anchors, positives, negatives.

u = |a - p|² - |a - n|² of points at unit length; m the margin; K classes, label K for "made".
"""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.tuple_losses import triplet_gaps

Reduction = Literal["all", "violating"]

__all__ = ["against", "class_floor", "in_favour", "made_entropy", "real_entropy", "unit_gaps"]


def unit_gaps(triplets: Tensor) -> Tensor:
    """U of every triplet, float [T], in [-4, 4].

    Args:
        triplets: float [3, T, D], of any length.
    """
    return triplet_gaps(*functional.normalize(triplets, dim=-1))


def against(gaps: Tensor, margin: float, reduction: Reduction = "all") -> Tensor:
    """Mean of max(0, u + m): what the network lowers, L_F on made triplets, J_m on real ones.

    Args:
        gaps: u, float [T].
        margin: m.
        reduction: over all triplets, or over those where it is not 0.
    """
    return _mean((gaps + margin).clamp(min=0), reduction)


def in_favour(gaps: Tensor, margin: float, reduction: Reduction = "all") -> Tensor:
    """L_tri, mean of max(0, m - u): what the generator lowers, idle on triplets that are hard already.

    Args:
        gaps: u, float [T].
        margin: m.
        reduction: over all triplets, or over those where it is not 0.
    """
    return _mean((margin - gaps).clamp(min=0), reduction)


def _mean(hinges: Tensor, reduction: Reduction) -> Tensor:
    if reduction == "all":
        return hinges.mean()
    return hinges.sum() / (hinges > 0).sum().clamp(min=1)


def real_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """L_real on real points, and L_cls on made ones: mean cross-entropy with the own class.

    Args:
        logits: float [m, K + 1].
        labels: int64 [m], 0..K-1.
    """
    return functional.cross_entropy(logits, labels)


def made_entropy(logits: Tensor) -> Tensor:
    """L_fake: mean cross-entropy of made points with the class "made", the last.

    Args:
        logits: float [m, K + 1].
    """
    labels = torch.full((len(logits),), logits.shape[1] - 1, device=logits.device)
    return functional.cross_entropy(logits, labels)


def class_floor(fake_weight: float) -> float:
    """ln(1 + beta): L_cls under the best discriminator where made points are the real ones, of classes well apart."""
    return math.log1p(fake_weight)
