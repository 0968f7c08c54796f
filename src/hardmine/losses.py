"""Losses of the methods for a training loop of your own, called as those of pytorch-metric-learning.

Names and arguments here are kept from one minor version to the next; what they are made of, in ``hardmine.methods``,
may move. Options of a loss are the keys of its method's settings, with the same defaults, meaning and errors.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.arguments import Tuples, checked, triplets_of
from hardmine.errors import UserError
from hardmine.methods.ccl.loss import coupled_clusters
from hardmine.methods.ccl.settings import CCL
from hardmine.methods.hap2s.loss import hap2s_loss
from hardmine.methods.hap2s.settings import HAP2S
from hardmine.methods.hdc.loss import level_loss, squared_distances
from hardmine.methods.hdc.selection import select_pairs
from hardmine.methods.hdc.settings import HDC
from hardmine.methods.hdml.pulling import pull
from hardmine.methods.quadruplet.loss import Margins, adaptive_margins, second_hinge, shared_anchor, unordered
from hardmine.methods.quadruplet.metric import euclidean_squares
from hardmine.methods.quadruplet.settings import Quadruplet
from hardmine.methods.smart_mining.global_loss import GlobalLoss as _GlobalLoss
from hardmine.methods.smart_mining.ratio_triplet import distances_of, ratio_triplet_loss
from hardmine.methods.smart_mining.ratio_triplet import squared_distances as between
from hardmine.methods.smart_mining.settings import SmartMining
from hardmine.methods.spectral.projection import project, spectral_loss
from hardmine.methods.spectral.settings import Spectral
from hardmine.mining.pairs import BatchPairs, pairwise_distances, triplet_masks

__all__ = [
    "CoupledClustersLoss",
    "GlobalLoss",
    "HAP2SLoss",
    "HDCLoss",
    "QuadrupletLoss",
    "RatioTripletLoss",
    "SpectralLoss",
    "pull_negatives",
]


class HDCLoss(nn.Module):
    """HDC's loss: each level of a cascade over its own hardest pairs (Yuan et al. 2017, section 3).

    Args:
        ratios: h, the share of a batch's pairs that each level keeps.
        options: ``margin``, ``negative_factor``, ``selection``, ``ratio_base``, ``neg_counting`` of ``HDC``.

    Raises:
        UserError: an option is unknown or its value impossible.
    """

    def __init__(self, ratios: Sequence[float] = (1.0, 0.5, 0.2), **options: Any) -> None:
        super().__init__()
        allowed = ("ratios", "margin", "negative_factor", "selection", "ratio_base", "neg_counting")
        self.run = checked(HDC, "hdc", {"ratios": tuple(ratios), **options}, allowed)

    def forward(self, levels: Sequence[Tensor], labels: Tensor) -> Tensor:
        """The sum of the levels' losses, a scalar.

        Args:
            levels: an embedding of each level, float [n, D_level], of any length; shallow first.
            labels: int64 [n].
        """
        if len(levels) != len(self.run.ratios):
            raise UserError(f"HDCLoss: {len(self.run.ratios)} ratios, but {len(levels)} levels; give one for each.")
        distances = [squared_distances(level) for level in levels]
        run = self.run
        kept = select_pairs(distances, BatchPairs.of(labels), run.ratios, run.selection, run.ratio_base)
        values = [
            level_loss(level, selected, run.margin, run.negative_factor, run.neg_counting).value
            for level, selected in zip(distances, kept, strict=True)
        ]
        return torch.stack(values).sum()


class RatioTripletLoss(nn.Module):
    """Smart Mining's triplet loss, max(0, 1 - r(a,n) / (r(a,p) + m)) (Harwood et al. 2017, section 4).

    Args:
        margin: m, on distances of unit vectors.
        reduction: over all triplets given.

    Raises:
        UserError: a value is impossible.
    """

    def __init__(self, margin: float = 0.2, reduction: Literal["mean", "sum"] = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum"):
            raise UserError(f"RatioTripletLoss: reduction '{reduction}' is none; it is 'mean' or 'sum'.")
        self.margin = checked(SmartMining, "smart-mining", {"margin": margin}, ("margin",)).margin
        self.reduction = reduction

    def forward(self, embeddings: Tensor, labels: Tensor, tuples: Tuples = None) -> Tensor:
        """The loss, a scalar; 0 without triplets.

        Args:
            embeddings: float [n, D], of any length.
            labels: int64 [n].
            tuples: triplets of a miner, ours or pytorch-metric-learning's; all of the batch unless given.
        """
        near, far = _squares(embeddings, labels, tuples)
        values = ratio_triplet_loss(distances_of(near), distances_of(far), self.margin).values
        return values.sum() / (max(1, len(values)) if self.reduction == "mean" else 1)


class GlobalLoss(nn.Module):
    """The global loss: little spread of both distance distributions, their means apart (Kumar et al. 2016).

    Args:
        separation_weight: lambda.
        margin: t, on quarter squared distances.
        scope: means of the ``batch``, or ``running`` ones.
        momentum: of running means.

    Raises:
        UserError: a value is impossible.
    """

    def __init__(
        self,
        separation_weight: float = 0.8,
        margin: float = 0.01,
        scope: Literal["batch", "running"] = "batch",
        momentum: float = 0.9,
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {"separation_weight": separation_weight, "global_margin": margin}
        options |= {"global_scope": scope, "global_momentum": momentum}
        run = checked(SmartMining, "smart-mining", options, tuple(options))
        self._loss = _GlobalLoss(run.separation_weight, run.global_margin, run.global_scope, run.global_momentum)

    def forward(self, embeddings: Tensor, labels: Tensor, tuples: Tuples = None) -> Tensor:
        """The loss, a scalar; arguments as for ``RatioTripletLoss``."""
        near, far = _squares(embeddings, labels, tuples)
        return self._loss(near, far).value if len(near) else embeddings.sum() * 0

    def get_extra_state(self) -> dict[str, Tensor | None]:
        """The running means, for checkpoints."""
        return self._loss.state_dict()

    def set_extra_state(self, state: dict[str, Tensor | None]) -> None:
        """Take them from a checkpoint."""
        self._loss.load_state_dict(state)


class HAP2SLoss(nn.Module):
    """HAP2S: distances to the weighted sets of positives and of negatives (Yu et al. 2018).

    Args:
        options: ``weighting``, ``sigma``, ``alpha``, ``negative_power``, ``weight_gradient``, ``hinge``, ``margin`` of
            ``HAP2S``.

    Raises:
        UserError: an option is unknown or its value impossible.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        allowed = ("weighting", "sigma", "alpha", "negative_power", "weight_gradient", "hinge", "margin")
        self.run = checked(HAP2S, "hap2s", options, allowed)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss, a scalar, of embeddings float [n, D] of any length and labels int64 [n]."""
        unit, positives, negatives = _masks(embeddings, labels)
        return hap2s_loss(pairwise_distances(unit, unit, "euclidean"), positives, negatives, self.run).value


class QuadrupletLoss(nn.Module):
    """Triplets, and positive pairs against negative pairs that share no image (Chen et al. 2017), by distances.

    Args:
        options: ``margins``, ``factors``, ``fixed_margins``, ``margin_gradient``, ``second_term``, ``reduction`` of
            ``Quadruplet``. Adaptive margins mean little before distances do: give the first steps fixed ones.

    Raises:
        UserError: an option is unknown or its value impossible.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        allowed = ("margins", "factors", "fixed_margins", "margin_gradient", "second_term", "reduction")
        self.run = checked(Quadruplet, "quadruplet", options, allowed)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss, a scalar, of embeddings float [n, D] of any length and labels int64 [n]."""
        run = self.run
        unit, positives, negatives = _masks(embeddings, labels)
        squares = euclidean_squares(unit)
        margins = Margins(*(squares.new_tensor(margin) for margin in run.fixed_margins))
        if run.margins == "adaptive":
            near, far = squares[unordered(positives)], squares[unordered(negatives)]
            margins = adaptive_margins(near, far, run.factors, run.margin_gradient)
        value = shared_anchor(squares, positives, negatives, margins.first, run.reduction).value
        batch = (squares, positives, negatives, labels)
        second = second_hinge(run.second_term, *batch, margins.second, run.reduction)
        return value if second is None else value + second.value


class CoupledClustersLoss(nn.Module):
    """Coupled clusters: images pulled to their class's centre, its nearest negative pushed from it (Liu et al. 2016).

    Args:
        options: ``negative`` (nearest, all or none), ``margin``, ``centre_gradient`` of ``CCL``.

    Raises:
        UserError: an option is unknown or its value impossible.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.run = checked(CCL, "ccl", options, ("negative", "margin", "centre_gradient"))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The mean over images, a scalar, of embeddings float [n, D] of any length and labels int64 [n]."""
        found = coupled_clusters(functional.normalize(embeddings, dim=1), labels, self.run)
        return found.losses.sum() / len(labels)


class SpectralLoss(nn.Module):
    """Deep spectral clustering: how far labels are from the span of the features (Law et al. 2017).

    Args:
        cut: singular values below this share of the largest count as 0.
        gradient: ``exact``, or half of it as in the ``released`` code.

    Raises:
        UserError: a value is impossible.
    """

    def __init__(self, cut: float = 1e-6, gradient: Literal["exact", "released"] = "exact") -> None:
        super().__init__()
        self.run = checked(Spectral, "spectral", {"cut": cut, "gradient": gradient}, ("cut", "gradient"))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The loss, a scalar, of features float [n, D] as they are and labels int64 [n]; n must be above D."""
        return spectral_loss(features, project(features, labels, self.run.cut), self.run.gradient)


def pull_negatives(
    embeddings: Tensor, labels: Tensor, hardness: float, tuples: Tuples = None
) -> tuple[Tensor, Tensor, Tensor]:
    """HDML's harder negatives: each moved towards its anchor (Zheng et al. 2019, section 3.2).

    Args:
        embeddings: float [n, D].
        labels: int64 [n].
        hardness: lambda, 0 to 1: 1 leaves negatives where they are, 0 puts them as near as the positive.
        tuples: triplets; all of the batch unless given.

    Returns:
        Anchors, positives and pulled negatives, float [T, D], for any loss that takes three tensors.

    Raises:
        UserError: the hardness is below 0 or above 1.
    """
    if not 0 <= hardness <= 1:
        raise UserError(f"pull_negatives: hardness {hardness} is impossible; it is 0 (hardest) to 1 (as they are).")
    anchors, positives, negatives = (embeddings[places] for places in triplets_of(labels, tuples))
    return anchors, positives, pull(anchors, positives, negatives, hardness).points


def _squares(embeddings: Tensor, labels: Tensor, tuples: Tuples) -> tuple[Tensor, Tensor]:
    """Squared distances of unit vectors, anchor to positive and anchor to negative, float [T] each."""
    unit = functional.normalize(embeddings, dim=1)
    anchors, positives, negatives = (unit[places] for places in triplets_of(labels, tuples))
    return between(anchors, positives), between(anchors, negatives)


def _masks(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vectors, and which images are positives and negatives of which, bool [n, n]."""
    rows = torch.arange(len(labels), device=labels.device)
    return functional.normalize(embeddings, dim=1), *triplet_masks(labels, rows, len(labels))
