"""The Gaussian beside an embedding: two linear layers for its means and variances, and what is known of it."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.backbones.layers import glorot

__all__ = ["Variation", "batch_recall"]


class Variation(nn.Module):
    """Means mu and log sigma² from normalised features.

    Args:
        features: d.
        dimensions: D.
        width: s0; log sigma² starts about 2·ln s0.
        start: factor on the Glorot weights.
    """

    def __init__(self, features: int, dimensions: int, width: float, start: float) -> None:
        super().__init__()
        self.mean = glorot(nn.Linear(features, dimensions), start)
        self.log_variance = glorot(nn.Linear(features, dimensions), start)
        nn.init.constant_(self.log_variance.bias, 2 * math.log(width))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mu and log sigma², float [B, D] each.

        Args:
            features: float [B, d], as the head's linear layer sees them.
        """
        return self.mean(features), self.log_variance(features)


@torch.no_grad()
def batch_recall(vectors: Tensor, labels: Tensor) -> Tensor:
    """Share of a batch's images whose nearest other one, by angle, is of their class, a scalar.

    Args:
        vectors: float [n, D].
        labels: int64 [n].
    """
    unit = functional.normalize(vectors, dim=1)
    nearest = (unit @ unit.T).fill_diagonal_(-torch.inf).argmax(dim=1)
    return (labels[nearest] == labels).float().mean()
