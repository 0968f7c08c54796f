"""HDC's pair loss of one level: squared distances of positives, a hinge on those of negatives, one denominator."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .selection import SelectedPairs

__all__ = ["LevelLoss", "level_loss", "mean_pair_loss", "scale_gradient", "squared_distances"]


@dataclass(frozen=True)
class LevelLoss:
    """The loss of one level; all are scalars.

    Attributes:
        value: J, with gradient.
        printed: F, what the released code writes to its log.
        positives: c+, kept positives.
        negatives: c-, kept negatives within the margin.
    """

    value: Tensor
    printed: Tensor
    positives: Tensor
    negatives: Tensor


def squared_distances(vectors: Tensor) -> Tensor:
    """d_ij = |e_i - e_j|² of unit rows, float [n(n-1)/2] in the order (0,1), (0,2), …, from differences.

    Args:
        vectors: z, float [n, D], not normalised; e = z/|z|.
    """
    return functional.pdist(functional.normalize(vectors, dim=1)).square()


def level_loss(
    distances: Tensor,
    selected: SelectedPairs,
    margin: float = 1.0,
    negative_factor: float = 10.0,
    neg_counting: str = "ordered",
) -> LevelLoss:
    """The loss of one level over its selected pairs (section 4 of the specification in the released code's form).

    With l- = max(0, m - d), c+ = |P_h|, c- = |{N_h: l- > 0}| and s = 2 (``ordered``) or 1 (``unordered``):

        J = ½ · (sum over P_h of d + f · sum over N_h of l-) / (c+ + s·c-)
        F = (sum over P_h of d + s·f · sum over N_h of l-) / (c+ + s·c-)

    Both are 0 where c+ + c- = 0. The gradient of J is the one the released code applies; the denominator has none.

    Args:
        distances: squared distances of all pairs, float [p], with gradient.
        selected: P_h and N_h, positions into ``distances``.
        margin: m.
        negative_factor: f.
        neg_counting: ``ordered`` or ``unordered``.
    """
    hinges = (margin - distances[selected.negatives]).clamp(min=0)
    active = (hinges > 0).sum()
    listings = 2 if neg_counting == "ordered" else 1
    count = len(selected.positives) + listings * active
    attraction = distances[selected.positives].sum()
    repulsion = negative_factor * hinges.sum()
    denominator = count.clamp(min=1)
    return LevelLoss(
        value=0.5 * (attraction + repulsion) / denominator,
        printed=((attraction + listings * repulsion) / denominator).detach(),
        positives=torch.tensor(len(selected.positives)),
        negatives=active,
    )


@torch.no_grad()
def mean_pair_loss(distances: Tensor, pairs: SelectedPairs, margin: float = 1.0) -> Tensor:
    """Mean over the given pairs of d (positives) and max(0, m - d) (negatives), a scalar; 0 without pairs."""
    losses = torch.cat([distances[pairs.positives], (margin - distances[pairs.negatives]).clamp(min=0)])
    return losses.sum() / max(1, len(losses))


def scale_gradient(value: Tensor, factor: Tensor | float) -> Tensor:
    """The same value with ``factor`` times its gradient."""
    return value.detach() + factor * (value - value.detach())
