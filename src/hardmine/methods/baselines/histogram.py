"""The library's histogram loss where cosines reach 1, as those of a picture that is twice in a batch do."""

import torch
from pytorch_metric_learning import losses
from torch import Tensor

__all__ = ["BoundedHistogramLoss"]

_STEPS = 16


class BoundedHistogramLoss(losses.HistogramLoss):
    """``HistogramLoss`` for cosines that lie at the ends of [-1, 1] or round beyond them.

    The library finds no bin for 1 and above, or for less than -1. Such values count as the highest that has one, and as
    -1; no other value changes.
    """

    def compute_density(self, distances: Tensor) -> Tensor:
        """Shares of the bins' borders, float [bins + 1], of cosines float [pairs]; not a number where one is none."""
        if distances.isnan().any():
            return distances.sum().expand(round(1 + 2 / self.delta))
        return super().compute_density(distances.clamp(-1.0, self._highest(distances)))

    def _highest(self, like: Tensor) -> float:
        """The highest cosine that the library's arithmetic puts into the last bin, by kind of number and device."""
        steps = torch.arange(_STEPS, device=like.device)
        near_one = (1 - steps * (torch.finfo(like.dtype).eps / 2)).to(like.dtype)
        inside = torch.floor((near_one.float() + 1) / self.delta) < round(2 / self.delta)
        return float(near_one[inside].max())
