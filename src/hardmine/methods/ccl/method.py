"""CCL: coupled clusters on class-balanced batches, and the mixed difference network's losses where it is used."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.backbones import EmbeddingNetwork
from hardmine.methods.base import Method, Setup
from hardmine.methods.generator import Generator
from hardmine.methods.log import EpochLog
from hardmine.mining.pairs import triplet_masks
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from .attributes import attributes_of, shuffled
from .loss import ClusterLoss, coupled_clusters, image_triplets
from .network import MixedNetwork
from .settings import CCL

__all__ = ["CCLMethod"]


class CCLMethod(Method):
    """The loss of every class, summed and divided by the images of the batch."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, CCL)
        self.run = setup.run
        super().__init__(setup)
        self.draws = Generator(setup.generator(1))
        self.parts["draws"] = self.draws
        self.classifier: nn.Linear | None = None
        if self.run.network == "mixed" and self.run.attribute_weight:
            found = attributes_of(setup.images.store.paths(), self.run.attribute)
            if self.run.attribute_order == "shuffled":
                found = shuffled(found, setup.labels, setup.seed)
            self.attributes = torch.from_numpy(found).to(setup.device)
            self.classifier = nn.Linear(setup.backbone.embedding, int(found.max()) + 1).to(setup.device)
            self.parts["classifier"] = self.classifier
        self.add_optimiser(self.parameter_groups())

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> EmbeddingNetwork:
        """The plain network, or the one with two branches."""
        assert isinstance(run, CCL)
        if run.network == "mixed":
            return MixedNetwork(backbone, channels, size, run.shared_tap)
        return EmbeddingNetwork(backbone, channels, size)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network, and the classifier of attributes at the same rate."""
        groups = super().parameter_groups()
        if self.classifier is not None:
            groups.append({"params": list(self.classifier.parameters()), "lr": self.setup.training.learning_rate})
        return groups

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """The loss of a batch, a scalar."""
        run = self.run
        rows = rows.to(outputs["embedding"].device)
        extra: Tensor | float = 0.0
        if self.classifier is not None:
            attributes = self.attributes[rows]
            logits = self.classifier(outputs["attribute"])
            recognition = functional.cross_entropy(logits, attributes)
            log.add("attribute_loss", recognition)
            log.add("attribute_accuracy", (logits.argmax(dim=1) == attributes).float().mean())
            if self.step_number < run.attribute_epochs * self.steps_per_epoch:
                return recognition
            extra = run.attribute_weight * recognition
        if run.network == "mixed" and run.branch_weight:
            branch = self._clusters(outputs["instance"], rows)
            value = branch.losses.sum() / len(rows)
            log.add("branch_loss", value)
            extra = extra + run.branch_weight * value
        found = self._clusters(outputs["embedding"], rows)
        value = found.losses.sum() / len(rows)
        log.add("cluster_loss", value)
        self._report(found, len(rows), log)
        return value + extra

    def _clusters(self, embeddings: Tensor, rows: Tensor) -> ClusterLoss:
        unit, labels = functional.normalize(embeddings, dim=1), self.images.labels[rows]
        if self.run.anchor == "centre":
            return coupled_clusters(unit, labels, self.run, self.draws.generator)
        positives, _ = triplet_masks(labels, rows, len(rows))
        return image_triplets(unit, labels, positives, self.run, self.draws.generator)

    def _report(self, found: ClusterLoss, images: int, log: EpochLog) -> None:
        log.add("violating", found.violating)
        log.add("positive_square", found.near.mean())
        if len(found.far):
            log.add("negative_square", found.far.mean())
            log.add("negative_repeats", 1 - len(found.negatives.unique()) / len(found.negatives))
        if len(found.centres):
            log.add("centre_length", found.centres.norm(dim=1).mean())
        if len(found.drift):
            log.add("drift", 0.0 if self.run.centre_gradient else found.drift.norm() / images)
