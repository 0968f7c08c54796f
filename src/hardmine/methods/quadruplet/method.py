"""The quadruplet network: one network, a metric on pairs, margins that follow the batch."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Method, Setup
from hardmine.methods.hinge import Hinge
from hardmine.methods.log import EpochLog
from hardmine.mining.pairs import nearest_is_positive, pairwise_distances, triplet_masks

from .loss import Margins, adaptive_margins, hardest_pairs, second_hinge, shared_anchor, unordered
from .metric import LearnedMetric, euclidean_squares
from .settings import Quadruplet

__all__ = ["QuadrupletMethod"]


class QuadrupletMethod(Method):
    """Every tuple of a class-balanced batch; a learned metric trains with the network."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, Quadruplet)
        self.run = setup.run
        super().__init__(setup)
        self.metric = None
        if self.run.metric == "learned":
            self.metric = LearnedMetric(setup.backbone.embedding).to(setup.device)
            self.parts["metric"] = self.metric
        self.add_optimiser(self.parameter_groups())

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network, and a learned metric at its own rate."""
        groups = super().parameter_groups()
        if self.metric is not None:
            rate = self.setup.training.learning_rate * self.run.metric_rate
            groups.append({"params": list(self.metric.parameters()), "lr": rate})
        return groups

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """The loss of a batch, a scalar."""
        run = self.run
        unit = functional.normalize(outputs["embedding"], dim=1)
        rows = rows.to(unit.device)
        labels = self.images.labels[rows]
        positives, negatives = triplet_masks(labels, rows, len(rows))
        squares = euclidean_squares(unit) if self.metric is None else self.metric(unit).square()
        near, far = squares[unordered(positives)], squares[unordered(negatives)]
        margins = self._margins(near, far)
        self._report(unit, squares, positives, negatives, margins, log)
        if run.tuples == "hardest":
            return self._logged(hardest_pairs(squares, positives, negatives, margins.first), "triplets", log)
        first = shared_anchor(squares, positives, negatives, margins.first, run.reduction)
        value = self._logged(first, "triplets", log)
        batch = (squares, positives, negatives, labels)
        second = second_hinge(run.second_term, *batch, margins.second, run.reduction)
        return value if second is None else value + self._logged(second, "second", log)

    def _margins(self, near: Tensor, far: Tensor) -> Margins:
        """Fixed margins, also in the first steps of a run with adaptive ones."""
        run = self.run
        if run.margins == "adaptive" and self.step_number >= run.fixed_share * self.total_steps:
            return adaptive_margins(near, far, run.factors, run.margin_gradient)
        return Margins(near.new_tensor(run.fixed_margins[0]), near.new_tensor(run.fixed_margins[1]))

    def _logged(self, hinge: Hinge, name: str, log: EpochLog) -> Tensor:
        log.add(f"{name}_loss", hinge.value)
        log.add(f"{name}_violating", hinge.share)
        return hinge.value

    @torch.no_grad()
    def _report(
        self, unit: Tensor, squares: Tensor, positives: Tensor, negatives: Tensor, margins: Margins, log: EpochLog
    ) -> None:
        log.add("first_margin", margins.first)
        log.add("second_margin", margins.second)
        distances = pairwise_distances(unit, unit, "euclidean")
        near, far = distances[unordered(positives)], distances[unordered(negatives)]
        if len(near) and len(far):
            log.add("positive_square", squares[positives].mean())
            log.add("negative_square", squares[negatives].mean())
            log.add("intra_mean", near.mean())
            log.add("intra_max", near.max())
            log.add("inter_mean", far.mean())
            log.add("inter_min", far.min())
            log.add("intra_to_inter", near.mean() / far.mean().clamp(min=1e-12))
        log.add("batch_recall", nearest_is_positive(distances, positives, negatives))
        if self.metric is not None:
            log.add("batch_recall_by_metric", nearest_is_positive(squares, positives, negatives))
