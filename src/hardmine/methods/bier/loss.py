"""BIER's loss: binomial deviance on all pairs, weighted by what earlier groups leave unsolved.

Symbols as in the authors' code (their TPAMI release, read line by line; of the papers only the abstracts were): s a
cosine, c = 1 for a positive pair and -C for a negative one, u = a·(s - beta)·c the signed score, large where the pair
is solved, and log(1 + exp(-u)) its loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hardmine.mining.pairs import BatchPairs

from .settings import BIER

__all__ = ["Boosting", "GroupLoss", "deviance", "group_losses", "pair_shares", "signed_scores"]

SHORTEST = 1e-5
"""Vectors are divided by their length, or by this where they are shorter."""


@dataclass(frozen=True)
class GroupLoss:
    """The loss of one group, and what it is made of; pairs are in the order of ``BatchPairs``.

    Attributes:
        value: scalar with gradient.
        similarities: s, float [p], without gradient.
        scores: u, float [p], without gradient.
        weights: w, float [p].
    """

    value: Tensor
    similarities: Tensor
    scores: Tensor
    weights: Tensor


def group_losses(
    vectors: Sequence[Tensor], labels: Tensor, run: BIER, draws: torch.Generator | None = None
) -> list[GroupLoss]:
    """The losses of a batch, one a group; the loss of the method is their mean.

    Args:
        vectors: z of the groups in the order of boosting, float [n, d_k] each, not normalised.
        labels: int64 [n].
        run: the method's settings.
        draws: of ``weighting: permuted``, on the CPU.
    """
    pairs, shares = BatchPairs.of(labels), pair_shares(labels, vectors[0].dtype)
    first, second = torch.triu_indices(len(labels), len(labels), 1, device=labels.device)
    boosting = Boosting(run, pairs)
    found = []
    for group in vectors:
        unit = functional.normalize(group, dim=1, eps=SHORTEST)
        similarities = (unit @ unit.T)[first, second]
        scores = signed_scores(similarities, pairs, run)
        still = similarities.detach()
        weights = spread_weights(boosting.weights(still), pairs, run.weighting, draws)
        boosting.add(still)
        value = deviance(scores, shares, weights)
        found.append(GroupLoss(value, still, scores.detach(), weights))
    return found


def signed_scores(similarities: Tensor, pairs: BatchPairs, run: BIER) -> Tensor:
    """U = a·(s - beta)·c, float [p]."""
    signs = torch.ones_like(similarities)
    signs[pairs.negatives] = -run.negative_cost
    return run.steepness * (similarities - run.boundary) * signs


def pair_shares(labels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """omega, what a pair counts in the loss, float [p]: 1/P of positives, 1/Q of negatives.

    P and Q count ordered pairs, P those of an image with itself too, as in the authors' code, so that the positives of
    classes of m images count (m-1)/m in all.

    Args:
        labels: int64 [n].
        dtype: of the result.
    """
    pairs = BatchPairs.of(labels)
    shares = torch.empty(pairs.total, dtype=dtype, device=labels.device)
    shares[pairs.positives] = 1 / (2 * len(pairs.positives) + len(labels))
    shares[pairs.negatives] = 1 / max(1, 2 * len(pairs.negatives))
    return shares


def deviance(scores: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """Sum over ordered pairs of w·omega·log(1 + exp(-u)), a scalar.

    Args:
        scores: u, float [p], with gradient.
        shares: omega, float [p].
        weights: w, float [p].
    """
    return 2 * (weights * shares * functional.softplus(-scores)).sum()


class Boosting:
    """Weights of the pairs, group after group; they have no gradient.

    ``simple``: A_k = A_{k-1} + rho·u_k and w_{k+1} = gamma·sigma(-A_k), w_1 = 1 (the released code's default).
    ``eta``: S_k = (1-nu)·S_{k-1} + nu·rho·s_k with nu = 2/(k+1), and w_{k+1} = sigma(-a·(S_k - beta)·c); with rho = 1
    minus the derivative of the deviance at the groups' mean, weighted 2k/(K(K+1)) (``--eta-style`` there).
    ``own``: w_k = gamma·sigma(-(A_0 + rho·u_k)). ``none``: 1.

    Args:
        run: the method's settings.
        pairs: of the batch.
    """

    def __init__(self, run: BIER, pairs: BatchPairs) -> None:
        self._run, self._pairs = run, pairs
        self._groups = 0
        self._sum: Tensor | float = 0.0

    @torch.no_grad()
    def weights(self, similarities: Tensor) -> Tensor:
        """W of the running group, float [p].

        Args:
            similarities: s of that group, float [p].
        """
        run = self._run
        if run.boosting == "own":
            return self._falling(run.start_score + run.shrinkage * signed_scores(similarities, self._pairs, run))
        if run.boosting == "none" or not self._groups:
            return torch.ones_like(similarities)
        assert isinstance(self._sum, Tensor)
        if run.boosting == "eta":
            return torch.sigmoid(-signed_scores(self._sum, self._pairs, run))
        return self._falling(run.start_score + self._sum)

    @torch.no_grad()
    def add(self, similarities: Tensor) -> None:
        """Count a group among the earlier ones.

        Args:
            similarities: its s, float [p].
        """
        run = self._run
        self._groups += 1
        if run.boosting == "eta":
            share = 2 / (self._groups + 1)
            self._sum = (1 - share) * self._sum + share * run.shrinkage * similarities
        else:
            self._sum = self._sum + run.shrinkage * signed_scores(similarities, self._pairs, run)

    def _falling(self, score: Tensor) -> Tensor:
        """gamma·sigma(-A)."""
        weights = torch.sigmoid(-score)
        weights[self._pairs.negatives] *= self._run.negative_gamma
        return weights


def spread_weights(weights: Tensor, pairs: BatchPairs, how: str, draws: torch.Generator | None) -> Tensor:
    """The weights as they are (``pairs``), or for the pairs of a sign all their mean, or dealt out again at random.

    Args:
        weights: w, float [p].
        pairs: of the batch.
        how: ``pairs``, ``mean`` or ``permuted``.
        draws: of the last.
    """
    if how == "pairs":
        return weights
    spread = weights.clone()
    for places in (pairs.positives, pairs.negatives):
        if how == "permuted":
            spread[places] = weights[places[torch.randperm(len(places), generator=draws).to(places.device)]]
        elif len(places):
            spread[places] = weights[places].mean()
    return spread
