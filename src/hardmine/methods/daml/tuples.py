"""Which negative is made for which anchor and positive, and the metric loss on real and on made negatives.

Rows of a batch: n anchors, n positives and, for triplets, n negatives. m negatives are made: n for triplets, one for
each anchor and each other pair for N-pair, n(n - 1), anchor by anchor.
"""

from typing import Protocol

import torch
from torch import Tensor

from hardmine.methods.tuple_losses import npair_loss, triplet_gaps
from hardmine.mining import Triplets

from .settings import DAML

__all__ = ["PairTuples", "TripletTuples", "Tuples", "hinge", "tuples_of"]


class Tuples(Protocol):
    """A form of tuples.

    Attributes:
        rows: of anchor, positive and real negative of each made one, positions in the batch.
        permutation: int64 [m], for each made negative another one, made for another anchor.
    """

    rows: Triplets
    permutation: Tensor

    def real_loss(self, embeddings: Tensor) -> Tensor:
        """J_m of a batch's embeddings, float [B, D]."""

    def made_loss(self, embeddings: Tensor, made: Tensor) -> Tensor:
        """J_m with made negatives, float [m, D], in place of the real ones."""


class PairTuples:
    """N-pair: the negatives of an anchor are the other pairs' positives, each made for that anchor alone.

    Args:
        settings: of the run.
        device: where the rows are kept.
    """

    def __init__(self, settings: DAML, device: torch.device) -> None:
        n = self.n = settings.tuples
        self.l2 = settings.l2
        self._others = ~torch.eye(n, dtype=torch.bool, device=device)
        anchors, negatives = self._others.nonzero(as_tuple=True)
        self.rows = Triplets(anchors, n + anchors, n + negatives)
        places = torch.zeros(n, n, dtype=torch.int64, device=device)
        places[self._others] = torch.arange(len(anchors), device=device)
        following = (anchors + 1) % n
        self.permutation = places[torch.where(following == negatives, (anchors + 2) % n, following), negatives]

    def real_loss(self, embeddings: Tensor) -> Tensor:
        """N-pair loss."""
        anchors, positives = embeddings.split(self.n)
        return npair_loss(anchors, positives, self.l2)

    def made_loss(self, embeddings: Tensor, made: Tensor) -> Tensor:
        """N-pair loss with candidates of its own for each anchor: its positive, and what was made for it."""
        anchors, positives = embeddings.split(self.n)
        candidates = torch.diag_embed(positives.T, dim1=0, dim2=1)
        others = self._others[:, :, None].expand_as(candidates)
        return npair_loss(anchors, candidates.masked_scatter(others, made), self.l2)


class TripletTuples:
    """Triplets: one negative each.

    Args:
        settings: of the run.
        device: where the rows are kept.
    """

    def __init__(self, settings: DAML, device: torch.device) -> None:
        n, self.settings = settings.tuples, settings
        self.rows = Triplets(*torch.arange(3 * n, device=device).split(n))
        self.permutation = (torch.arange(n, device=device) + 1) % n

    def real_loss(self, embeddings: Tensor) -> Tensor:
        """Triplet loss."""
        return self.made_loss(embeddings, embeddings[self.rows.negatives])

    def made_loss(self, embeddings: Tensor, made: Tensor) -> Tensor:
        """Triplet loss with made negatives."""
        gaps = triplet_gaps(embeddings[self.rows.anchors], embeddings[self.rows.positives], made)
        return hinge(gaps + self.settings.margin, self.settings)


def hinge(violations: Tensor, settings: DAML) -> Tensor:
    """C · mean (or sum) of max(0, t).

    Args:
        violations: t, float [m].
        settings: c and the reduction.
    """
    active = violations.clamp(min=0)
    return settings.hinge_factor * (active.mean() if settings.reduction == "mean" else active.sum())


def tuples_of(settings: DAML, device: torch.device) -> Tuples:
    """The form of a run's base loss."""
    return PairTuples(settings, device) if settings.base_loss == "npair" else TripletTuples(settings, device)
