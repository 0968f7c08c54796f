"""The two forms of HDML's tuples: what is pulled, in which order it goes through the generator, which losses it meets.

Batches hold n anchors, n positives and, for triplets, n negatives. "Made" rows are embeddings, features or logits of
the synthetic tuples in the order in which ``pulled`` gives them.
"""

from typing import Protocol

import torch
from torch import Tensor

from hardmine.methods.tuple_losses import npair_loss, triplet_sum

from .loss import synthetic_cross_entropy
from .pulling import pull, pull_npair
from .settings import HDML

__all__ = ["PairTuples", "TripletTuples", "Tuples", "tuples_of"]


class Tuples(Protocol):
    """A form of tuples."""

    def metric_loss(self, embeddings: Tensor) -> Tensor:
        """J_m of a batch's embeddings, float [B, D]."""

    def pulled(self, embeddings: Tensor, hardness: float, constant_factors: bool) -> tuple[Tensor, Tensor]:
        """What enters the generator as synthetic tuples, float [m, D], and lambda0 of all negatives."""

    def synthetic_loss(self, made: Tensor) -> Tensor:
        """J_syn of made embeddings, float [m, D]."""

    def recognition(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, int]:
        """Cross-entropy of made logits, float [m, C], with the batch's labels; and of how many means it is the sum."""

    def seen(self, embeddings: Tensor, pulled: Tensor, made: Tensor) -> dict[str, Tensor]:
        """Positives, negatives, pulled and generated negatives as offsets from their anchor, for a figure."""


class PairTuples:
    """N-pair: every anchor has the positives of all others as negatives, pulled for it alone; m = n + n².

    Args:
        settings: of the run.
    """

    def __init__(self, settings: HDML) -> None:
        self.n, self.l2 = settings.tuples, settings.l2

    def metric_loss(self, embeddings: Tensor) -> Tensor:
        """N-pair loss."""
        anchors, positives = embeddings.split(self.n)
        return npair_loss(anchors, positives, self.l2)

    def pulled(self, embeddings: Tensor, hardness: float, constant_factors: bool) -> tuple[Tensor, Tensor]:
        """The n anchors, then the n candidates of each anchor, anchor by anchor."""
        anchors, positives = embeddings.split(self.n)
        moved = pull_npair(anchors, positives, hardness, constant_factors)
        negatives = ~torch.eye(self.n, dtype=torch.bool, device=embeddings.device)
        return torch.cat([anchors, moved.points.flatten(0, 1)]), moved.factors[negatives]

    def synthetic_loss(self, made: Tensor) -> Tensor:
        """N-pair loss with candidates of its own for each anchor."""
        return npair_loss(made[: self.n], made[self.n :].unflatten(0, (self.n, self.n)), self.l2)

    def recognition(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, int]:
        """Candidates with their own label, plus anchors."""
        anchors, positives = labels.split(self.n)
        return synthetic_cross_entropy(logits[: self.n], logits[self.n :], anchors, positives.repeat(self.n)), 2

    def seen(self, embeddings: Tensor, pulled: Tensor, made: Tensor) -> dict[str, Tensor]:
        """The n - 1 negatives of the first anchor."""
        first, own = slice(0, 1), slice(self.n + 1, 2 * self.n)
        anchor = embeddings[first]
        return {
            "positives": embeddings[self.n : self.n + 1] - anchor,
            "negatives": embeddings[own] - anchor,
            "pulled": pulled[own] - anchor,
            "synthetic": made[own] - made[first],
        }


class TripletTuples:
    """Triplets: one negative each; m = 3n.

    Args:
        settings: of the run.
    """

    def __init__(self, settings: HDML) -> None:
        self.n, self.margin = settings.tuples, settings.margin

    def metric_loss(self, embeddings: Tensor) -> Tensor:
        """Triplet loss, summed."""
        anchors, positives, negatives = embeddings.split(self.n)
        return triplet_sum(anchors, positives, negatives, self.margin)

    def pulled(self, embeddings: Tensor, hardness: float, constant_factors: bool) -> tuple[Tensor, Tensor]:
        """Anchors, positives, pulled negatives."""
        anchors, positives, negatives = embeddings.split(self.n)
        moved = pull(anchors, positives, negatives, hardness, constant_factors)
        return torch.cat([anchors, positives, moved.points]), moved.factors

    def synthetic_loss(self, made: Tensor) -> Tensor:
        """Triplet loss, summed."""
        return self.metric_loss(made)

    def recognition(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, int]:
        """All 3n, each with its own label."""
        return synthetic_cross_entropy(None, logits, labels, labels), 1

    def seen(self, embeddings: Tensor, pulled: Tensor, made: Tensor) -> dict[str, Tensor]:
        """The n negatives, each from its own anchor."""
        anchors, positives, negatives = embeddings.split(self.n)
        offsets = {"positives": positives - anchors, "negatives": negatives - anchors}
        return offsets | {"pulled": pulled[2 * self.n :] - anchors, "synthetic": made[2 * self.n :] - made[: self.n]}


def tuples_of(settings: HDML) -> Tuples:
    """The form of a run's base loss."""
    return PairTuples(settings) if settings.base_loss == "npair" else TripletTuples(settings)
