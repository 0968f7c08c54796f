"""The hinge max(0, near - far + margin) over tuples, and what it is averaged over: one rule for every method."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Hinge", "hinge_loss", "triplet_loss"]


@dataclass(frozen=True)
class Hinge:
    """A hinge loss and how many tuples stand behind it.

    Attributes:
        value: the loss, a scalar with gradient; 0 where there is nothing to average.
        violating: number of tuples with a positive value, a scalar.
        tuples: number of tuples, a scalar.
    """

    value: Tensor
    violating: Tensor
    tuples: Tensor

    @property
    def share(self) -> Tensor:
        """Share of the tuples that violate the margin, a scalar; 0 where there is none."""
        return self.violating / self.tuples.clamp(min=1)


def hinge_loss(near: Tensor, far: Tensor, valid: Tensor, margin: float | Tensor, mean: str = "violating") -> Hinge:
    """Mean or sum of l = max(0, near - far + margin) over the tuples.

    Args:
        near: float, distances that should be small; broadcast against ``far``.
        far: float, distances that should be large.
        valid: bool, which of the broadcast entries are tuples.
        margin: a number, or float, broadcast against the tuples; it may carry a gradient.
        mean: over the tuples with l > 0 (``violating``), over all of them (``all``), or their ``sum``.
    """
    values = torch.relu(near - far + margin) * valid
    violating, tuples = (values > 0).sum(), valid.sum()
    count = {"violating": violating, "all": tuples}.get(mean)
    total = values.sum()
    return Hinge(total if count is None else total / count.clamp(min=1), violating, tuples)


def triplet_loss(
    distances: Tensor, positives: Tensor, negatives: Tensor, margin: float | Tensor, mean: str = "violating"
) -> Hinge:
    """Mean of l = max(0, d(a, p) - d(a, n) + m) over the triplets of masks with l > 0, or over all of them.

    Args:
        distances: float [a, n] of anchors to images.
        positives: bool [a, n].
        negatives: bool [a, n].
        margin: m; a number, or float [a, n] with one for each anchor and negative.
        mean: as for ``hinge_loss``.
    """
    valid = positives[:, :, None] & negatives[:, None, :]
    added = margin[:, None, :] if isinstance(margin, Tensor) else margin
    return hinge_loss(distances[:, :, None], distances[:, None, :], valid, added, mean)
