"""The baseline losses: pytorch-metric-learning, wrapped once, with its distance-weighted miner.

Semi-hard and batch-hard selection are ours: the same triplets in the same order, sooner. Distance-weighted selection
is the library's, since ours (``hardmine.mining.triplet_selection``) draws other random numbers.

Where the library deviates from a paper, ``docs/methods/baselines.md`` says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from pytorch_metric_learning import distances, losses, miners, regularizers
from torch import Tensor, nn

from hardmine.mining import random_negatives
from hardmine.mining.triplet_selection import batch_hard_triplets, semi_hard_triplets
from hardmine.settings.run import RunSettings

from . import settings as baselines
from .histogram import BoundedHistogramLoss
from .memory import ContrastiveWithMemory

__all__ = ["BaselineLoss", "Task", "build_baseline_loss"]

Tuples = tuple[Tensor, ...]
Selection = Callable[[Tensor, Tensor], Tuples]


class BaselineLoss(nn.Module):
    """A library loss, the selection that feeds it, and the share of tuples that are active.

    Args:
        loss: a loss of the library.
        select: embeddings [n, D], labels [n] to index tuples as the library wants them; None for the loss's own.
        l2: weight r of (r/4)·(mean |a|² + mean |p|²), for N-pair.
    """

    def __init__(self, loss: nn.Module, select: Selection | None = None, l2: float = 0.0) -> None:
        super().__init__()
        self.loss = loss
        self.select = select
        self.l2 = l2

    def forward(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch and what to log.

        Args:
            embeddings: float [n, D], as the network gives them; the loss normalises where its method does.
            labels: int64 [n].
        """
        tuples = self.select(embeddings.detach(), labels) if self.select else None
        value = self.loss(embeddings, labels, tuples)
        logs = {}
        if tuples is not None and len(tuples) == 3:
            logs["tuples"] = torch.tensor(float(len(tuples[0])))
            logs["active"] = self._active(embeddings.detach(), tuples)
        if self.l2:
            value = value + self.l2 / 2 * embeddings.pow(2).sum(dim=1).mean()
        return value, logs

    def _active(self, embeddings: Tensor, tuples: Tuples) -> Tensor:
        """Share of the selected triplets that violate the margin of a triplet loss."""
        if not len(tuples[0]) or not isinstance(self.loss, losses.TripletMarginLoss):
            return torch.tensor(float(len(tuples[0]) > 0))
        unit = nn.functional.normalize(embeddings, dim=1)
        anchors, positives, negatives = (unit[index] for index in tuples)
        gap = (anchors - positives).pow(2).sum(1) - (anchors - negatives).pow(2).sum(1)
        return (gap + self.loss.margin > 0).float().mean()


@dataclass(frozen=True)
class Task:
    """What a loss must know of its training.

    Attributes:
        classes: training classes.
        images: training images.
        dimensions: of the embedding.
        steps_per_epoch: steps in an epoch.
        generator: of random selections, on the CPU.
    """

    classes: int
    images: int
    dimensions: int
    steps_per_epoch: int
    generator: torch.Generator


def build_baseline_loss(settings: RunSettings, task: Task) -> BaselineLoss:
    """The loss of a baseline's settings.

    Args:
        settings: one of ``hardmine.methods.baselines.settings``.
        task: what it is for.
    """
    classes, dimensions = task.classes, task.dimensions
    match settings:
        case baselines.Contrastive():
            return BaselineLoss(
                losses.ContrastiveLoss(pos_margin=0, neg_margin=settings.margin, distance=distances.LpDistance(power=2))
            )
        case baselines.Triplet():
            loss = losses.TripletMarginLoss(margin=settings.margin, distance=distances.LpDistance(power=2))
            return BaselineLoss(loss, _selection(settings, task.generator))
        case baselines.LiftedStructure():
            return BaselineLoss(losses.LiftedStructureLoss(neg_margin=settings.margin, pos_margin=0))
        case baselines.NPair():
            plain = distances.DotProductSimilarity(normalize_embeddings=False)
            return BaselineLoss(losses.NPairsLoss(distance=plain), l2=settings.l2)
        case baselines.Angular():
            return BaselineLoss(losses.AngularLoss(alpha=settings.angle))
        case baselines.Histogram():
            return BaselineLoss(BoundedHistogramLoss(n_bins=settings.bins))
        case baselines.ProxyNCA():
            return BaselineLoss(losses.ProxyNCALoss(classes, dimensions, softmax_scale=settings.scale))
        case baselines.NormalisedSoftmax():
            return BaselineLoss(losses.NormalizedSoftmaxLoss(classes, dimensions, temperature=settings.temperature))
        case baselines.Margin():
            loss = losses.MarginLoss(margin=settings.margin, beta=settings.boundary, learn_beta=settings.learn_boundary)
            return BaselineLoss(loss, miners.DistanceWeightedMiner(cutoff=0.5, nonzero_loss_cutoff=1.4))
        case baselines.MultiSimilarity():
            loss = losses.MultiSimilarityLoss(settings.alpha, settings.beta, settings.base)
            return BaselineLoss(loss, miners.MultiSimilarityMiner(settings.epsilon) if settings.miner else None)
        case baselines.ProxyAnchor():
            return BaselineLoss(losses.ProxyAnchorLoss(classes, dimensions, settings.margin, settings.alpha))
        case baselines.SoftTriple():
            own: dict[str, Any] = {"la": settings.scale, "gamma": settings.gamma, "margin": settings.margin}
            if settings.tau:
                own["weight_regularizer"] = regularizers.SparseCentersRegularizer(classes, settings.centres)
                own["weight_reg_weight"] = settings.tau
            return BaselineLoss(losses.SoftTripleLoss(classes, dimensions, settings.centres, **own))
        case baselines.Circle():
            return BaselineLoss(losses.CircleLoss(settings.margin, settings.gamma))
        case baselines.SupCon():
            return BaselineLoss(losses.SupConLoss(settings.temperature))
        case baselines.ArcFace():
            return BaselineLoss(losses.ArcFaceLoss(classes, dimensions, margin=settings.margin, scale=settings.scale))
        case baselines.CosFace():
            return BaselineLoss(losses.CosFaceLoss(classes, dimensions, margin=settings.margin, scale=settings.scale))
        case baselines.CrossBatchMemory():
            start = settings.start_epochs * task.steps_per_epoch
            remembered = (dimensions, task.images, settings.memory, settings.margin, settings.weight, start)
            return BaselineLoss(ContrastiveWithMemory(*remembered))
    raise TypeError(f"{type(settings).__name__} is no baseline")


def _selection(settings: baselines.Triplet, generator: torch.Generator) -> Selection:
    if settings.selection == "distance":
        return miners.DistanceWeightedMiner(cutoff=0.5, nonzero_loss_cutoff=1.4)
    squared = distances.LpDistance(power=2)

    def select(embeddings: Tensor, labels: Tensor) -> Tuples:
        match settings.selection:
            case "semihard":
                triplets = semi_hard_triplets(squared(embeddings), labels, settings.margin)
            case "hard":
                triplets = batch_hard_triplets(squared(embeddings), labels)
            case _:
                triplets = random_negatives(labels, generator)
        return triplets.anchors, triplets.positives, triplets.negatives

    return select
