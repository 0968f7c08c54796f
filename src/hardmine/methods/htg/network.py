"""HTG's generator, which starts as the identity, and its discriminator; sizes are ours."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.backbones.layers import glorot

__all__ = ["Discriminator", "PointGenerator", "TripletGenerator", "build_generator"]


class TripletGenerator(nn.Module):
    """(a', p', n') = (a, p, n) + W2·relu(W1·[a; p; n] + b1), W2 zero at the start.

    Args:
        dimensions: D.
        width: hidden units.
        points: that are seen together: 3, or 1 for a generator of single points.
    """

    points = 3

    def __init__(self, dimensions: int, width: int) -> None:
        super().__init__()
        self.hidden = glorot(nn.Linear(self.points * dimensions, width))
        self.out = nn.Linear(width, self.points * dimensions, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, triplets: Tensor) -> Tensor:
        """Moved points, not normalised, float [3, T, D].

        Args:
            triplets: anchors, positives, negatives, float [3, T, D].
        """
        together = torch.cat(list(triplets), dim=1)
        moved = self.out(functional.relu(self.hidden(together)))
        return triplets + torch.stack(moved.chunk(3, dim=1))


class PointGenerator(TripletGenerator):
    """The same for each point alone."""

    points = 1

    def forward(self, triplets: Tensor) -> Tensor:
        """Moved points, not normalised, float [3, T, D]."""
        return triplets + self.out(functional.relu(self.hidden(triplets)))


def build_generator(kind: str, dimensions: int, width: int) -> TripletGenerator:
    """The generator of the settings' ``generator``: triplet or shared."""
    return TripletGenerator(dimensions, width) if kind == "triplet" else PointGenerator(dimensions, width)


class Discriminator(nn.Module):
    """Logits of K classes and, last, of being made: linear, ReLU, linear, of points at unit length.

    Args:
        dimensions: D.
        width: hidden units.
        classes: K.
    """

    def __init__(self, dimensions: int, width: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.layers = nn.Sequential(
            glorot(nn.Linear(dimensions, width)), nn.ReLU(), glorot(nn.Linear(width, classes + 1))
        )

    def forward(self, points: Tensor) -> Tensor:
        """Logits, float [m, K + 1].

        Args:
            points: float [m, D].
        """
        return self.layers(functional.normalize(points, dim=1))
