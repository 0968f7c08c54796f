"""How far the selected images of a class are from the class: the penalty, and the control that pulls to centres."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hardmine.mining.classes import batch_means
from hardmine.retrieval.equal import EQUAL

__all__ = ["Shift", "centre_distance", "selection_shift"]


@dataclass(frozen=True)
class Shift:
    """The penalty and what is behind it.

    Attributes:
        value: L_match, a scalar with gradient; 0 where nothing is selected.
        gaps: float [c], |v| of each class with selected images, or of the whole batch; without gradient.
    """

    value: Tensor
    gaps: Tensor


def selection_shift(
    rows: Tensor, labels: Tensor, chosen: Tensor, scope: str = "class", norm: str = "l2", reduction: str = "mean"
) -> Shift:
    """Distance between the mean of a class in the batch and the mean of its selected images, over classes.

    v_c = sum over i in c of w_i·x_i, w_i = 1/n_c - q_i/M_c, with q_i how often i is selected and M_c their sum over the
    class. The gradient by x_i is w_i·v_c/|v_c|, and 0 where v_c is 0; rows of a class sum to 0. After third-party code,
    which lets no gradient through.

    Args:
        rows: x, float [n, D].
        labels: int64 [n].
        chosen: q, float [n].
        scope: ``class``, or ``global`` for one mean over all images.
        norm: ``l2`` or ``squared``.
        reduction: ``mean`` or ``sum`` over the classes with selected images.
    """
    groups = labels if scope == "class" else torch.zeros_like(labels)
    _, places, sizes = groups.unique(return_inverse=True, return_counts=True)
    selected = torch.zeros(len(sizes), dtype=rows.dtype, device=rows.device).index_add_(0, places, chosen.to(rows))
    weights = 1 / sizes[places].to(rows) - chosen.to(rows) / selected[places].clamp(min=1)
    shifts = rows.new_zeros(len(sizes), rows.shape[1]).index_add(0, places, weights[:, None] * rows)
    squares = shifts[selected > 0].square().sum(dim=1)
    moved = squares > EQUAL
    lengths = torch.where(moved, squares, 1.0).sqrt() * moved
    values = lengths if norm == "l2" else squares
    total = values.sum()
    return Shift(total / max(1, len(values)) if reduction == "mean" else total, lengths.detach())


def centre_distance(rows: Tensor, labels: Tensor) -> Tensor:
    """Mean distance of images to the mean of their class in the batch, a scalar.

    Args:
        rows: x, float [n, D].
        labels: int64 [n].
    """
    means, places = batch_means(rows, labels)
    squares = (rows - means[places]).square().sum(dim=1)
    apart = squares > EQUAL
    return (torch.where(apart, squares, 1.0).sqrt() * apart).mean()
