"""PDDM: embed a batch, score its pairs, pick quadruplets, train unit and network on them."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Method, Setup
from hardmine.methods.generator import Generator
from hardmine.methods.log import EpochLog
from hardmine.mining import Quadruplets
from hardmine.mining.pairs import nearest_is_positive, pairwise_distances, triplet_masks

from .loss import double_hinge, pair_distances, pair_scores
from .quality import agreement, rank_correlation, ranking_quality
from .selection import hard_quadruplets
from .settings import PDDM
from .unit import PDDMUnit, score_matrix

__all__ = ["PDDMMethod"]


class PDDMMethod(Method):
    """The unit is a part of its own beside the network; images are found by the embedding, not by the scores."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, PDDM)
        self.run = setup.run
        super().__init__(setup)
        self.draws = Generator(setup.generator(1))
        self.unit = PDDMUnit(setup.backbone.embedding, self.run.position != "none").to(setup.device)
        self.parts |= {"unit": self.unit, "draws": self.draws}
        self.add_optimiser(self.parameter_groups())

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network; the unit at its own rate, its matrices decayed."""
        groups = super().parameter_groups()
        if not self.run.score_weight:
            return groups
        rate, matrices = self.setup.training.learning_rate * self.run.unit_rate, self.unit.matrices()
        biases = [own for own in self.unit.parameters() if own.ndim < 2]
        decay = 2 * self.run.unit_decay
        groups.append({"params": matrices, "lr": rate, "weight_decay": decay})
        groups.append({"params": biases, "lr": rate, "weight_decay": 0.0})
        return groups

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """The loss of a batch, a scalar."""
        run = self.run
        unit = functional.normalize(outputs["embedding"], dim=1)
        rows = rows.to(unit.device)
        labels = self.images.labels[rows]
        masks = triplet_masks(labels, rows, len(rows))
        places = self._places(len(rows)).to(unit.device)
        chosen = self._chosen(unit.detach(), labels, masks, places, log)
        near, far = pair_distances(unit, chosen)
        distances = double_hinge(near, far, run.distance_margin)
        value = run.distance_weight * distances.value
        log.add("distance_loss", distances.value)
        log.add("distance_active", distances.active)
        if len(chosen):
            log.add("picked_positive_square", near.mean())
            log.add("picked_negative_square", far.mean())
        if run.score_weight:
            seen = unit if run.score_gradient and not self.warming else unit.detach()
            near, far = pair_scores(self.unit, seen, places, chosen)
            scores = double_hinge(-near, -far, run.score_margin)
            value = value + run.score_weight * scores.value
            log.add("score_loss", scores.value)
            log.add("score_active", scores.active)
            log.add("score_weight_norm", self.unit.score.weight.norm())
        return value

    @property
    def warming(self) -> bool:
        """Whether this is one of the first epochs, whose choice is not the unit's and whose scores train it alone."""
        return self.step_number < self.run.warmup_epochs * self.steps_per_epoch

    def _places(self, images: int) -> Tensor:
        """Whose position stands in for whose in the unit, int64 [n]: each image's own, unless they are shuffled."""
        if self.run.position == "shuffled":
            return torch.randperm(images, generator=self.draws.generator)
        return torch.arange(images)

    @torch.no_grad()
    def _chosen(
        self, unit: Tensor, labels: Tensor, masks: tuple[Tensor, Tensor], places: Tensor, log: EpochLog
    ) -> Quadruplets:
        """The quadruplets of the batch; in the first epochs by distances where scores are to choose."""
        run = self.run
        distances = pairwise_distances(unit, unit)
        by_distance = hard_quadruplets(-distances, *masks, labels, run.quadruplets)
        chosen = by_distance
        if (run.warmup_picks if self.warming else run.picks) == "random":
            chances = torch.rand(len(unit), len(unit), generator=self.draws.generator).to(unit.device)
            chosen = hard_quadruplets(chances, *masks, labels, run.quadruplets)
        log.add("batch_recall", nearest_is_positive(distances, *masks))
        if run.score_weight:
            scores, dead = score_matrix(self.unit, unit, places)
            by_score = hard_quadruplets(scores, *masks, labels, run.quadruplets)
            if run.picks == "scores" and not self.warming:
                chosen = by_score
            log.add("dead_units", dead)
            log.add("picks_agree", agreement(by_score, by_distance))
            log.add("batch_recall_by_score", nearest_is_positive(-scores, *masks))
            _report_ranking(scores, distances, masks, log)
        return chosen


def _report_ranking(scores: Tensor, distances: Tensor, masks: tuple[Tensor, Tensor], log: EpochLog) -> None:
    """How well scores and distances tell positive pairs from negative ones, and how alike they rank them."""
    pairs = (masks[0] | masks[1]).triu(1)
    same = masks[0][pairs]
    if same.any() and not same.all():
        log.add("ranking_by_score", ranking_quality(scores[pairs], same))
        log.add("ranking_by_distance", ranking_quality(-distances[pairs], same))
        log.add("rank_correlation", rank_correlation(scores[pairs], -distances[pairs]))
