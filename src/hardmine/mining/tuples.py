"""Index tuples with names."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Quadruplets", "Triplets", "random_negatives"]


@dataclass(frozen=True)
class Triplets:
    """Positions in a batch, three int64 tensors of one length.

    Attributes:
        anchors: the anchors.
        positives: another image of the anchor's class.
        negatives: an image of another class.
    """

    anchors: Tensor
    positives: Tensor
    negatives: Tensor

    def __len__(self) -> int:
        return len(self.anchors)

    def __iter__(self) -> Iterator[Tensor]:
        """The three tensors, as pytorch-metric-learning has triplets."""
        return iter((self.anchors, self.positives, self.negatives))


@dataclass(frozen=True)
class Quadruplets:
    """Positions in a batch, four int64 tensors of one length.

    Attributes:
        anchors: one end of a pair of one class.
        positives: its other end.
        negatives: an image of another class, met by the anchor.
        others: a further image, met by the positive or by the negative, as the method says.
    """

    anchors: Tensor
    positives: Tensor
    negatives: Tensor
    others: Tensor

    def __len__(self) -> int:
        return len(self.anchors)


def random_negatives(labels: Tensor, generator: torch.Generator) -> Triplets:
    """Every ordered pair of one class with one uniformly drawn negative.

    Anchors without a negative in the batch give no triplet.

    Args:
        labels: int64 [n].
        generator: of the draw, on the CPU.
    """
    same = labels[:, None] == labels[None, :]
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positive &= ~same.all(dim=1, keepdim=True)
    anchors, positives = positive.nonzero(as_tuple=True)
    if not len(anchors):
        return Triplets(anchors, positives, anchors)
    chances = torch.rand(len(anchors), len(labels), generator=generator).to(labels.device)
    negatives = chances.masked_fill(same[anchors], -1.0).argmax(dim=1)
    return Triplets(anchors, positives, negatives)
