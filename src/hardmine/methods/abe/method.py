"""ABE: the spatial half once, a mask a learner, all masked maps through the deep half, one backward pass."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Setup
from hardmine.methods.ensemble import EnsembleMethod
from hardmine.methods.log import EpochLog
from hardmine.mining.pairs import BatchPairs
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from .loss import all_images_divergence, contrastive, divergence, siamese_pairs
from .network import ABENetwork
from .settings import ABE

__all__ = ["ABEMethod"]

SHOWN = 4
"""Images, of a class each, whose masks are kept for the figures."""
SATURATED = 0.05
"""A mask's entry is saturated this near to 0 or 1."""


class ABEMethod(EnsembleMethod):
    """Attention-based ensemble."""

    network: ABENetwork

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, ABE)
        self.run = setup.run
        super().__init__(setup)
        self.multi_similarity: torch.nn.Module | None = None
        if self.run.base_loss == "multi-similarity":
            from pytorch_metric_learning import losses  # slow to import

            self.multi_similarity = losses.MultiSimilarityLoss(2, 50, 0.5)
        self.add_optimiser(self.parameter_groups())

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> ABENetwork:
        """Both halves of the backbone with the masks between them."""
        assert isinstance(run, ABE)
        return ABENetwork(run, backbone, channels, size)

    def parameter_groups(self) -> list[dict[str, object]]:
        """What learns: all but masks that are frozen."""
        learning = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        return [{"params": learning, "lr": self.setup.training.learning_rate}]

    def look(self, log: EpochLog, last: bool) -> None:
        """Report the correlation of the learners, and their masks."""
        super().look(log, last)
        self._report_masks(log)
        if last:
            self._keep_masks()

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """Sum of the learners' losses, and the divergence with its weight."""
        labels = self.images.labels[rows.to(self.images.labels.device)]
        pairs = BatchPairs.of(labels) if self.run.pairs == "all" else siamese_pairs(labels)
        unit = {name: functional.normalize(value, dim=1) for name, value in outputs.items()}
        values = []
        for name, own in unit.items():
            values.append(self._base_loss(own, labels, pairs))
            log.add(f"{name}_loss", values[-1])
        total = torch.stack(values).sum()
        return total + self._divergence(list(unit.values()), log) if len(unit) > 1 else total

    def _base_loss(self, unit: Tensor, labels: Tensor, pairs: BatchPairs) -> Tensor:
        if self.multi_similarity is not None:
            value: Tensor = self.multi_similarity(unit, labels)
            return value
        return contrastive(unit, pairs, self.run.margin)

    def _divergence(self, unit: list[Tensor], log: EpochLog) -> Tensor:
        """The divergence with its weight; without one it is reported all the same."""
        run = self.run
        with torch.set_grad_enabled(run.divergence_weight > 0):
            if run.divergence == "all-images":
                value, share = all_images_divergence(unit, run.divergence_margin)
            else:
                value, share = divergence(unit, run.divergence_margin, run.divergence_reduction)
        log.add("divergence", value)
        log.add("divergence_active", share)
        with torch.no_grad():
            log.add("own_image_cosine", divergence(unit, 4.0)[0] / 2 - 1)  # mean of 4 - d², d² = 2 - 2·cosine
        return run.divergence_weight * value

    @torch.no_grad()
    def masks(self, rows: np.ndarray) -> list[Tensor]:
        """Masks of training images as they are at test, one float [k, C or 1, H or 1, W or 1] a learner.

        Args:
            rows: int64 [k].
        """
        was_training = self.network.training
        self.network.eval()
        found = [mask.float() for mask in self.network.masks(self.images.plain(rows))]
        self.network.train(was_training)
        return found

    def _report_masks(self, log: EpochLog) -> None:
        """Mean and deviation of each learner's masks, saturated entries, correlation of masks between learners."""
        found = self.masks(self.probe[:32])
        for number, mask in enumerate(found, start=1):
            log.set(f"learner{number}_mask_mean", float(mask.mean()))
            log.set(f"learner{number}_mask_deviation", float(mask.std(correction=0)))
        if found:
            values = torch.stack([mask.flatten() for mask in found])
            if self.run.mask_activation == "sigmoid":
                inner = (values / self.run.mask_gain - 0.5).abs()
                log.set("masks_saturated", float((inner > 0.5 - SATURATED).float().mean()))
        if len(found) > 1:
            pairs = torch.triu_indices(len(found), len(found), 1)
            log.set("mask_correlation", float(_correlation(values)[pairs[0], pairs[1]].mean()))

    def _keep_masks(self) -> None:
        """Keep masks of an image of a few classes each, averaged over channels, and the packed rows of these images."""
        _, first = np.unique(self.setup.labels[self.probe], return_index=True)
        chosen = self.probe[first[:SHOWN]]
        if found := self.masks(chosen):
            self.diagnostics.keep("masks", torch.stack([mask.mean(dim=1) for mask in found]))
            self.diagnostics.keep("mask_images", torch.from_numpy(self.images.store.rows[chosen]))


def _correlation(values: Tensor) -> Tensor:
    """Pearson correlation of the rows, 0 where one does not vary."""
    apart = values.double() - values.double().mean(dim=1, keepdim=True)
    return functional.normalize(apart, dim=1, eps=1e-9) @ functional.normalize(apart, dim=1, eps=1e-9).T
