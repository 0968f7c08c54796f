"""PDDM's losses on quadruplets: two hinges that share the positive pair, on scores and on squared distances.

Symbols: (i, j) the positive pair, k and l the negatives of i and of j. Both forms are second-hand.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hardmine.methods.hinge import hinge_loss
from hardmine.mining import Quadruplets

from .unit import PDDMUnit

__all__ = ["DoubleHinge", "double_hinge", "pair_distances", "pair_scores"]


@dataclass(frozen=True)
class DoubleHinge:
    """A loss of two hinges.

    Attributes:
        value: their sum, the mean over quadruplets, a scalar with gradient; 0 without quadruplets.
        active: share of the hinges above 0, a scalar.
    """

    value: Tensor
    active: Tensor


def double_hinge(near: Tensor, far: Tensor, margin: float) -> DoubleHinge:
    """Mean over quadruplets of max(0, near - far_k + margin) + max(0, near - far_l + margin).

    E_m takes near = -S_ij and far = -S_ik, -S_jl with alpha; E_e takes the squared distances with beta.

    Args:
        near: of the pairs (i, j), float [q].
        far: of the pairs (i, k) and (j, l), float [2, q].
        margin: alpha or beta.
    """
    hinge = hinge_loss(near, far, torch.ones_like(far, dtype=torch.bool), margin, "all")
    return DoubleHinge(2 * hinge.value, hinge.share)


def pair_distances(embeddings: Tensor, chosen: Quadruplets) -> tuple[Tensor, Tensor]:
    """Squared distances of the pairs (i, j), float [q], and of (i, k) and (j, l), float [2, q].

    Args:
        embeddings: float [n, D].
        chosen: q quadruplets.
    """
    first, second = _pairs(chosen)
    near, *far = (embeddings[first] - embeddings[second]).pow(2).sum(dim=2)
    return near, torch.stack(far)


def pair_scores(unit: PDDMUnit, embeddings: Tensor, places: Tensor, chosen: Quadruplets) -> tuple[Tensor, Tensor]:
    """Scores S of the same pairs, with gradient through the unit and the embeddings; float [q] and [2, q].

    Args:
        unit: that scores.
        embeddings: float [n, D].
        places: as ``score_matrix`` has them.
        chosen: q quadruplets.
    """
    first, second = (side.flatten() for side in _pairs(chosen))
    moved = (embeddings[places[first]] + embeddings[places[second]]) / 2
    near, *far = unit(embeddings[first], embeddings[second], moved).unflatten(0, (3, len(chosen)))
    return near, torch.stack(far)


def _pairs(chosen: Quadruplets) -> tuple[Tensor, Tensor]:
    """Both ends of the pairs (i, j), (i, k), (j, l), int64 [3, q] each."""
    first = torch.stack([chosen.anchors, chosen.anchors, chosen.positives])
    return first, torch.stack([chosen.positives, chosen.negatives, chosen.others])
