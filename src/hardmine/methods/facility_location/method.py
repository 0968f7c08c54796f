"""Facility location: a clustering of every batch is searched, and the classes' own must beat it."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Method, Setup
from hardmine.methods.generator import Generator
from hardmine.methods.log import EpochLog

from .loss import contrastive_push, distances_of, facility_bracket, pull
from .medoids import Clustering, MedoidSearch, facility_search
from .settings import FacilityLocation

__all__ = ["FacilityLocationMethod"]


class FacilityLocationMethod(Method):
    """Class-balanced batches, one network, one optimiser; the search happens between forward and backward."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, FacilityLocation)
        self.run = setup.run
        super().__init__(setup)
        self.draws = Generator(setup.generator(1))
        self.parts["medoids"] = self.draws
        self.add_optimiser(self.parameter_groups())

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """[ F(S) + γΔ(S) - F~ ]_+ over the images of a batch, a scalar."""
        run = self.run
        unit = functional.normalize(outputs["embedding"], dim=1)
        labels = self.images.labels[rows.to(unit.device)]
        return self.loss_of(distances_of(unit, run.distance), labels, log)

    def loss_of(self, distances: Tensor, labels: Tensor, log: EpochLog) -> Tensor:
        """The loss by distances.

        Args:
            distances: δ, float [n, n], with gradient.
            labels: int64 [n].
            log: takes what the search found.
        """
        run, images = self.run, len(labels)
        log.add("distance", distances.detach().mean())  # refuses what is not finite before it is searched
        gamma = run.gamma * images * run.gamma_decay ** (self.step_number // self.steps_per_epoch)
        search = MedoidSearch(distances.detach().cpu().numpy(), labels.cpu().numpy(), gamma, run.margin)
        class_medoids = search.of_classes()
        class_owners = torch.from_numpy(class_medoids[search.classes]).to(distances.device)
        parts = images if run.reduction == "mean" else 1
        if run.push == "contrastive":
            drawn = pull(distances, class_owners) / images
            pushed = contrastive_push(distances, labels, run.push_margin)
            log.add("pull", drawn)
            log.add("push", pushed)
            return (drawn + pushed) * (images / parts)
        found = self._clustering(search, log)
        owners = torch.from_numpy(found.owners).to(distances.device)
        bracket = facility_bracket(distances, owners, class_owners, gamma, found.wrong) / parts
        log.add("bracket", bracket)
        log.add("bracket_negative", float(bracket.detach() < 0))
        log.add("wrong", found.wrong)
        log.add("facility", found.value / images)
        log.add("facility_of_classes", -pull(distances.detach(), class_owners) / images)
        log.add("other_medoid", float(np.mean(found.owners != class_medoids[search.classes])))
        return bracket.clamp(min=0)

    def _clustering(self, search: MedoidSearch, log: EpochLog) -> Clustering:
        """S: searched, or drawn."""
        if self.run.medoids == "random":
            images = len(search.classes)
            return search.clustering(torch.randperm(images, generator=self.draws.generator)[: search.count].numpy())
        found, gains = facility_search(search, self.run.refine_rounds, self.run.warm)
        for name, gain in gains.items():
            log.add(name, gain / len(search.classes))
        log.add("evaluations", search.evaluations)
        return found
