"""The spectral loss: how much of the classes' partition the span of a batch's embeddings does not hold.

Symbols: n images, k classes present, F [n, d] the embeddings, not of length 1; P_F projects on their span, of rank r;
P_Y on that of the classes' indicators: the block matrix of 1/n_c.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Projection", "chance_of", "floor_of", "project", "ridge_loss", "ridge_of", "spectral_loss"]


@dataclass(frozen=True)
class Projection:
    """The loss and its gradient, without autograd.

    Attributes:
        value: L = k - tr(P_Y P_F), float64, a scalar.
        gradient: dL/dF = -2 (I - P_F) P_Y (F⁺)ᵀ, float64 [n, d].
        singular: singular values of F, float64 [min(n, d)], the largest first.
        rank: r, how many are above the cut.
    """

    value: Tensor
    gradient: Tensor
    singular: Tensor
    rank: int


@torch.no_grad()
def project(features: Tensor, labels: Tensor, cut: float = 1e-6) -> Projection:
    """L and its gradient from a thin SVD in float64; neither needs an n x n matrix.

    Autograd of an SVD would divide by differences of singular values. FᵀG = 0, so a step along -G shrinks no
    singular value. Only classes that are present count, other than in the released code.

    Args:
        features: F, float [n, d].
        labels: int64 [n].
        cut: directions whose singular value is at most this share of the largest are left out.
    """
    left, singular, right = torch.linalg.svd(features.double(), full_matrices=False)
    rank = int((singular > cut * singular[0]).sum())
    left, right = left[:, :rank], right[:rank]
    _, places, sizes = labels.unique(return_inverse=True, return_counts=True)
    means = left.new_zeros(len(sizes), rank).index_add_(0, places, left) / sizes[:, None]
    value = len(sizes) - (sizes * means.square().sum(dim=1)).sum()
    spread = means[places]
    rest = spread - left @ (left.T @ spread)
    gradient = -2 * (rest / singular[:rank]) @ right
    return Projection(value, gradient, singular, rank)


def spectral_loss(features: Tensor, found: Projection, gradient: str = "exact") -> Tensor:
    """L as a scalar whose gradient is that of a projection.

    Args:
        features: F, float [n, d], with gradient.
        found: of the same features.
        gradient: ``exact``, or ``released`` for half of it.
    """
    given = found.gradient * (0.5 if gradient == "released" else 1.0)
    moved = features.double() - features.detach().double()
    return found.value + (moved * given).sum()


def ridge_of(features: Tensor, share: float) -> float:
    """λ = share · tr(FᵀF)/d."""
    return share * float(features.detach().double().square().sum()) / features.shape[1]


def ridge_loss(features: Tensor, labels: Tensor, ridge: float) -> Tensor:
    """K - tr(P_Y P_λ), P_λ = F (FᵀF + λI)⁻¹ Fᵀ, float64, a scalar with gradient.

    Args:
        features: F, float [n, d], with gradient.
        labels: int64 [n].
        ridge: λ, above 0.
    """
    wide = features.double()
    _, places, sizes = labels.unique(return_inverse=True, return_counts=True)
    sums = wide.new_zeros(len(sizes), wide.shape[1]).index_add(0, places, wide)
    gram = wide.T @ wide + ridge * torch.eye(wide.shape[1], dtype=wide.dtype, device=wide.device)
    held = (sums * torch.linalg.solve(gram, sums.T).T).sum(dim=1) / sizes
    return len(sizes) - held.sum()


def chance_of(images: int, classes: int, dimensions: int) -> float:
    """L of a random span: k·(1 - d/n), at least 0."""
    return classes * max(0.0, 1 - dimensions / images)


def floor_of(classes: int, dimensions: int) -> int:
    """Least L there is: max(0, k - d)."""
    return max(0, classes - dimensions)
