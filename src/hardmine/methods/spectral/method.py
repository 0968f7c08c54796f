"""Deep spectral clustering: partitions against the span of a batch, with whitened scores; and its controls."""

from typing import Any

import numpy as np
import torch
from pytorch_metric_learning import distances, losses
from torch import Tensor, nn
from torch.nn import functional

from hardmine.errors import UserError
from hardmine.images.batches import block_of
from hardmine.methods.base import Method, Setup
from hardmine.methods.generator import Generator
from hardmine.methods.log import EpochLog
from hardmine.mining import random_negatives
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from .controls import scatter_ratio, within_trace
from .network import SpectralNetwork
from .projection import chance_of, floor_of, project, ridge_loss, ridge_of, spectral_loss
from .settings import Spectral

__all__ = ["SpectralMethod"]


class SpectralMethod(Method):
    """Class-balanced batches; at an epoch's end the training images are embedded once more for the whitening."""

    network: SpectralNetwork

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, Spectral)
        self.run = setup.run
        super().__init__(setup)
        self._check_batch()
        self.draws = Generator(setup.generator(1))
        self.parts["selection"] = self.draws
        self.triplets = losses.TripletMarginLoss(margin=self.run.margin, distance=distances.LpDistance(power=2))
        if self.run.objective == "softmax":
            self.classifier = nn.Linear(setup.backbone.embedding, setup.classes, bias=False).to(setup.device)
            self.parts["classifier"] = self.classifier
        self.add_optimiser(self.parameter_groups())

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> SpectralNetwork:
        """Backbone, embedding, head, whitening."""
        assert isinstance(run, Spectral)
        return SpectralNetwork(run, backbone, channels, size)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network; the classifier at the same rate."""
        groups = super().parameter_groups()
        if self.run.objective == "softmax":
            groups.append({"params": list(self.classifier.parameters()), "lr": self.setup.training.learning_rate})
        return groups

    def _check_batch(self) -> None:
        """Refuse batches that a projector holds whole; say what is left free."""
        if self.run.objective != "spectral":
            return
        images, classes = self.images_per_step, self.setup.training.batch.classes
        dimensions = self.run.head or self.setup.backbone.embedding
        if images <= dimensions and not self.run.ridge:
            raise UserError(
                f"spectral: a batch of {images} images lies in the span of {dimensions} dimensions whatever they are: "
                "the loss is 0 and nothing is learned. Enlarge training.batch, or lower head."
            )
        if dimensions != classes:
            free = max(0, dimensions - classes)
            least = f"the loss can reach {floor_of(classes, dimensions)}"
            print(f"spectral: {classes} classes, {dimensions} dimensions: {free} are free, {least}.", flush=True)

    def step(self, log: EpochLog) -> None:
        """One training step; the last of an epoch takes the whitening."""
        super().step(log)
        done = self.step_number + 1
        if self.run.whiten and (done % self.steps_per_epoch == 0 or done == self.total_steps):
            self.network.measure(self._outputs_of_training())

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """The loss of the settings, a scalar."""
        embedded = outputs["embedding"]
        labels = self.images.labels[rows.to(embedded.device)]
        features = outputs.get("head", embedded)
        log.add("scatter", scatter_ratio(functional.normalize(embedded.detach(), dim=1), labels))
        match self.run.objective:
            case "softmax":
                return functional.cross_entropy(self.classifier(embedded), labels)
            case "within-trace":
                return within_trace(features, labels)
            case "triplet":
                chosen = random_negatives(labels, self.draws.generator)
                return self.triplets(embedded, labels, (chosen.anchors, chosen.positives, chosen.negatives))
        return self.spectral_loss_of(features, labels, log).float()

    def spectral_loss_of(self, features: Tensor, labels: Tensor, log: EpochLog) -> Tensor:
        """L = k - tr(P_Y P_F), float64, a scalar.

        Args:
            features: F, float [n, d], with gradient.
            labels: int64 [n].
            log: takes the spectrum.
        """
        run = self.run
        log.add("length", features.detach().norm(dim=1).mean())  # refuses what is not finite before it is decomposed
        if run.centre:
            features = features - features.mean(dim=0)
        found = project(features, labels, run.cut)
        images, dimensions = features.shape
        chance = chance_of(images, len(labels.unique()), dimensions)
        log.add("of_chance", float(found.value) / chance if chance else 0.0)
        log.add("rank", found.rank)
        log.add("cut_share", float(found.rank < len(found.singular)))
        log.add("gradient", found.gradient.norm())
        kept = found.singular[: max(1, found.rank)].clamp(min=1e-30)
        log.add("singular_max_log10", kept[0].log10())
        log.add("singular_min_log10", kept[-1].log10())
        if run.ridge and found.rank:
            return ridge_loss(features, labels, ridge_of(features, run.ridge))
        return spectral_loss(features, found, run.gradient)

    @torch.no_grad()
    def _outputs_of_training(self) -> dict[str, Tensor]:
        """What the network gives for all training images in evaluation mode, float32 [N, …]."""
        rows, block = np.arange(len(self.setup.labels)), block_of(self.setup.size)
        was_training = self.network.training
        self.network.eval()
        parts = [self.network(self.images.plain(rows[start : start + block])) for start in range(0, len(rows), block)]
        self.network.train(was_training)
        return {name: torch.cat([part[name] for part in parts]).float() for name in parts[0]}
