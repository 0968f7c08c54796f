"""How the quadruplet loss scores pairs: half the distance of unit vectors, or a learned metric."""

import torch
from torch import Tensor, nn

from hardmine.mining.pairs import pairwise_distances

__all__ = ["LearnedMetric", "euclidean_squares"]


def euclidean_squares(unit: Tensor) -> Tensor:
    """g² = (d/2)² of unit vectors, float [n, n], within [0, 1].

    Args:
        unit: float [n, D] of length 1.
    """
    return pairwise_distances(unit, unit, "squared") / 4


class LearnedMetric(nn.Module):
    """Two layers on a pair of embeddings, [e_i; e_j] to a hidden layer to two outputs, softmax; g is the second.

    Args:
        dimensions: D.
        hidden: width of the hidden layer; D by default.
    """

    def __init__(self, dimensions: int, hidden: int | None = None) -> None:
        super().__init__()
        self.first = nn.Linear(2 * dimensions, hidden or dimensions)
        self.last = nn.Linear(hidden or dimensions, 2)

    def directed(self, unit: Tensor) -> Tensor:
        """Scores g in [0, 1] of ordered pairs, float [n, n]: row i, column j is g(e_i, e_j).

        Args:
            unit: float [n, D].
        """
        left, right = self.first.weight.chunk(2, dim=1)
        hidden = torch.relu((unit @ left.T)[:, None] + (unit @ right.T + self.first.bias)[None])
        scores: Tensor = self.last(hidden).softmax(dim=2)[:, :, 1]
        return scores

    def forward(self, unit: Tensor) -> Tensor:
        """Scores of unordered pairs: the mean over both orders, float [n, n]."""
        scores = self.directed(unit)
        return (scores + scores.T) / 2
