"""HDML's pulling: negatives moved towards their anchor, the more the lower the loss (Zheng et al. 2019, section 3.2).

Symbols: z anchor, z⁺ positive, z⁻ negative, d⁺ = |z - z⁺|, d⁻ = |z - z⁻| (not squared), lambda in [0, 1].
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Pulled", "decay_exponent", "pull", "pull_npair"]

SMALLEST_AVERAGE = 1e-12
SMALLEST_SQUARE = 1e-24


@dataclass(frozen=True)
class Pulled:
    """Pulled negatives.

    Attributes:
        points: ẑ⁻, float [..., D].
        factors: lambda0, float [...]; 1 where the negative stays.
    """

    points: Tensor
    factors: Tensor


def decay_exponent(rate: float, average: float) -> float:
    """exp(-rate / average): lambda from alpha and the average metric loss, or the weight w from beta and J_gen's.

    An average at or below 1e-12 counts as 1e-12. A rate of 0 gives 1.
    """
    return math.exp(-rate / max(average, SMALLEST_AVERAGE))


def pull(
    anchors: Tensor,
    positives: Tensor,
    negatives: Tensor,
    hardness: float,
    constant_factors: bool = False,
    keep: Tensor | None = None,
) -> Pulled:
    """Move each negative to the distance d⁺ + lambda·(d⁻ - d⁺) on the line to its anchor.

    lambda0 = lambda + (1 - lambda)·d⁺/d⁻ where d⁻ > d⁺, else 1;  ẑ⁻ = z + lambda0·(z⁻ - z).
    A negative that is no farther than the positive stays. Zero distances have zero gradient.

    Args:
        anchors: float [..., D]; the three broadcast against each other.
        positives: float [..., D].
        negatives: float [..., D].
        hardness: lambda; 1 leaves all where they are, 0 puts them at the positive's distance.
        constant_factors: no gradient through lambda0.
        keep: bool [...], negatives that stay whatever their distance.
    """
    offsets = negatives - anchors
    near = _length(positives - anchors)
    far = _length(offsets)
    moves = far > near
    if keep is not None:
        moves = moves & ~keep
    ratio = near / torch.where(moves, far, torch.ones_like(far))
    factors = torch.where(moves, hardness + (1 - hardness) * ratio, torch.ones_like(far))
    if constant_factors:
        factors = factors.detach()
    return Pulled(negatives - (1 - factors)[..., None] * offsets, factors)


def pull_npair(anchors: Tensor, positives: Tensor, hardness: float, constant_factors: bool = False) -> Pulled:
    """Every candidate of every anchor pulled: points [n, n, D], row i against (a_i, p_i); the diagonal holds p_i.

    Args:
        anchors: float [n, D], a_i, each of its own class.
        positives: float [n, D], p_j, the negatives of all other anchors.
        hardness: lambda.
        constant_factors: no gradient through lambda0.
    """
    own = torch.eye(len(anchors), dtype=torch.bool, device=anchors.device)
    return pull(anchors[:, None], positives[:, None], positives[None, :], hardness, constant_factors, own)


def _length(vectors: Tensor) -> Tensor:
    """Euclidean length over the last dimension, exactly 0 with zero gradient where it is below 1e-12."""
    squares = vectors.pow(2).sum(dim=-1)
    some = squares > SMALLEST_SQUARE
    return torch.where(some, torch.where(some, squares, torch.ones_like(squares)).sqrt(), torch.zeros_like(squares))
