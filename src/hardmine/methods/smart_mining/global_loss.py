"""The global loss (Kumar et al. 2016): small spread of both distance distributions, their means apart."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

__all__ = ["GlobalLoss", "GlobalStatistics"]


@dataclass(frozen=True)
class GlobalStatistics:
    """The loss and what it is made of, scalars.

    Attributes:
        value: var+ + var- + lambda · max(0, mu+ - mu- + t).
        positive_mean: mu+, of q(a,p)/4.
        negative_mean: mu-, of q(a,n)/4.
        positive_variance: var+, divided by T.
        negative_variance: var-, divided by T.
    """

    value: Tensor
    positive_mean: Tensor
    negative_mean: Tensor
    positive_variance: Tensor
    negative_variance: Tensor


class GlobalLoss:
    """Global loss with its running means.

    Args:
        separation_weight: lambda.
        margin: t, on quarter squared distances.
        scope: ``batch`` takes means over the batch; ``running`` takes exponential means over batches, with the
            gradient that the batch's means would have.
        momentum: share of the old value in a running mean.
    """

    def __init__(
        self,
        separation_weight: float,
        margin: float,
        scope: Literal["batch", "running"] = "batch",
        momentum: float = 0.9,
    ) -> None:
        self.separation_weight = separation_weight
        self.margin = margin
        self.scope = scope
        self.momentum = momentum
        self._means: Tensor | None = None

    def __call__(self, positive: Tensor, negative: Tensor) -> GlobalStatistics:
        """Loss of T triplets.

        Args:
            positive: q(a,p), float [T], squared distances of unit vectors, in [0, 4].
            negative: q(a,n), float [T].
        """
        both = torch.stack([positive, negative]) / 4
        means = both.mean(dim=1)
        if self.scope == "running":
            means = means + (self._update(means.detach()) - means).detach()
        variances = (both - means[:, None]).pow(2).mean(dim=1)
        hinge = (means[0] - means[1] + self.margin).clamp(min=0)
        value = variances.sum() + self.separation_weight * hinge
        return GlobalStatistics(value, means[0], means[1], variances[0], variances[1])

    def _update(self, means: Tensor) -> Tensor:
        old = means if self._means is None else self._means.to(means.device)
        self._means = self.momentum * old + (1 - self.momentum) * means
        return self._means

    def state_dict(self) -> dict[str, Tensor | None]:
        """The running means."""
        return {"means": self._means}

    def load_state_dict(self, state: dict[str, Tensor | None]) -> None:
        """Take saved means."""
        self._means = state["means"]
