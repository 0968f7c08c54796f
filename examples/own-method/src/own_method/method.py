"""The training step."""

import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods import EpochLog, Method, Setup

from .settings import EasyPositive

__all__ = ["EasyPositiveMethod", "easy_positive_loss"]


class EasyPositiveMethod(Method):
    """Class-balanced batches, one network, one optimiser: all of them the base class's."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, EasyPositive)
        self.run = setup.run
        super().__init__(setup)
        self.add_optimiser(self.parameter_groups())

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """The loss of a batch, a scalar."""
        labels = self.images.labels[rows.to(self.images.labels.device)]
        value, in_order = easy_positive_loss(outputs["embedding"], labels, self.run.temperature)
        log.add("in_order", in_order)
        return value


def easy_positive_loss(embeddings: Tensor, labels: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Mean over anchors of -log softmax of the nearest positive's cosine against the hardest negative's.

    Args:
        embeddings: float [n, D], not normalised.
        labels: int64 [n], with two images of a class at least, and two classes.
        temperature: divides the cosines.

    Returns:
        The loss, and the share of anchors whose nearest positive is nearer than any negative; scalars.
    """
    unit = functional.normalize(embeddings, dim=1)
    cosines = unit @ unit.T
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    easy = cosines.masked_fill(~same | itself, -torch.inf).amax(dim=1)
    hard = cosines.masked_fill(same, -torch.inf).amax(dim=1)
    return functional.softplus((hard - easy) / temperature).mean(), (easy > hard).float().mean()
