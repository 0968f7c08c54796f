"""HDC: one loss a level, each over the pairs that level keeps, all in one backward pass."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from hardmine.errors import UserError
from hardmine.methods.base import Method, Setup
from hardmine.methods.log import EpochLog
from hardmine.methods.rates import split_groups
from hardmine.mining.pairs import BatchPairs
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from .caffe_sgd import CaffeSGD
from .fixed_list import FixedList
from .loss import LevelLoss, level_loss, mean_pair_loss, scale_gradient, squared_distances
from .network import HDCNetwork
from .selection import SelectedPairs, select_pairs, triplet_accuracy
from .settings import HDC
from .super_categories import SuperCategoryBatches, super_categories_of

__all__ = ["HDCMethod"]

ACCURACY_STEPS = 10
"""The triplet accuracy, which costs as much as a level's selection, is logged every so many steps."""


class HDCMethod(Method):
    """Hard-aware deeply cascaded embedding."""

    run: HDC

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, HDC)
        self.run = setup.run
        super().__init__(setup)
        self.add_optimiser(self.parameter_groups())

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> HDCNetwork:
        """The backbone with one head a level."""
        assert isinstance(run, HDC)
        return HDCNetwork(run, backbone, channels, size)

    def build_sampler(self) -> Any:
        """Class-balanced batches or those of super-categories, fresh or a list of them drawn once."""
        batch, setup, chosen = self.setup.training.batch, self.setup, self.run.super_categories
        if chosen is not None:
            kinds = super_categories_of(setup.images.store.paths(), chosen.folders)
            size = batch.classes * batch.images_per_class
            return SuperCategoryBatches(setup.labels, kinds, size, chosen, self.run.fixed_list, setup.seed)
        if not self.run.fixed_list:
            return super().build_sampler()
        return FixedList(setup.labels, batch.classes, batch.images_per_class, self.run.fixed_list, setup.seed)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Weights and biases of the trunk, of the heads, of their embedding layers."""
        factors = self.run.rate_multipliers.with_heads(self.run.aux_init == "random")
        groups: dict[str, list[Tensor]] = {name: [] for name in type(factors).model_fields}
        for name, parameter in self.network.named_parameters():
            place = "embedding" if ".embedding." in name else "head" if name.startswith("heads.") else "trunk"
            groups[f"{place}_{'biases' if name.endswith('.bias') else 'weights'}"].append(parameter)
        return [
            {"params": parameters, "lr": self.setup.training.learning_rate * getattr(factors, name)}
            for name, parameters in groups.items()
            if parameters
        ]

    def add_optimiser(self, groups: Iterable[dict[str, Any]], name: str = "optimiser") -> torch.optim.Optimizer:
        """The optimiser the settings name, with Caffe's form of SGD where asked for."""
        if self.run.sgd_style == "torch":
            return super().add_optimiser(groups, name)
        training = self.setup.training
        if training.optimiser != "sgd":
            raise UserError(
                f"sgd_style: 'caffe' has no meaning with training.optimiser '{training.optimiser}'. "
                "Set training.optimiser to sgd, or leave sgd_style out."
            )
        split = split_groups(groups, self.network, self.setup)
        optimiser = CaffeSGD(split, lr=training.learning_rate, momentum=0.9, weight_decay=training.weight_decay)
        return self.register_optimiser(optimiser, name)

    @property
    def ratios(self) -> tuple[float, ...]:
        """Share h of every level in the running epoch."""
        warm = self.step_number < self.run.warm_epochs * self.steps_per_epoch
        return (1.0,) * len(self.run.ratios) if warm else self.run.ratios

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """J, the sum of the levels' losses."""
        labels = self.images.labels[rows.to(self.images.labels.device)]
        pairs = BatchPairs.of(labels)
        distances = {name: squared_distances(vectors) for name, vectors in outputs.items()}
        kept = select_pairs(list(distances.values()), pairs, self.ratios, self.run.selection, self.run.ratio_base)
        values = []
        for (name, level), selected in zip(distances.items(), kept, strict=True):
            own = level_loss(level, selected, self.run.margin, self.run.negative_factor, self.run.neg_counting)
            value = own.value
            if self.run.legacy_grad or self.step_number % ACCURACY_STEPS == 0:
                accuracy = triplet_accuracy(level, labels)
                log.add(f"{name}_triplet_accuracy", accuracy)
                if self.run.legacy_grad and accuracy > 0:
                    value = scale_gradient(value, 2 / accuracy)
            values.append(value)
            self._report(name, level, pairs, selected, own, log)
        self._keep_arrays(list(distances.values()), labels, kept)
        return torch.stack(values).sum()

    def _report(
        self,
        name: str,
        distances: Tensor,
        pairs: BatchPairs,
        selected: SelectedPairs,
        own: LevelLoss,
        log: EpochLog,
    ) -> None:
        """Log one level: c+, c-, shares kept, mean pair losses, J, F."""
        everything = SelectedPairs(pairs.positives, pairs.negatives)
        log.add(f"{name}_positives", own.positives)
        log.add(f"{name}_active_negatives", own.negatives)
        log.add(f"{name}_positive_share", len(selected.positives) / max(1, len(pairs.positives)))
        log.add(f"{name}_negative_share", len(selected.negatives) / max(1, len(pairs.negatives)))
        log.add(f"{name}_loss_all", mean_pair_loss(distances, everything, self.run.margin))
        log.add(f"{name}_loss_kept", mean_pair_loss(distances, selected, self.run.margin))
        log.add(f"{name}_loss", own.value)
        log.add(f"{name}_loss_printed", own.printed)

    def _keep_arrays(self, distances: list[Tensor], labels: Tensor, kept: list[SelectedPairs]) -> None:
        """Keep distances, labels and the levels' choices of the last batch, of the first epoch and of training."""
        moments = {min(self.steps_per_epoch, self.total_steps): "first", self.total_steps: "last"}
        moment = moments.get(self.step_number + 1)
        if moment is None:
            return
        masks = torch.zeros(len(distances), len(distances[0]), dtype=torch.uint8, device=labels.device)
        for mask, selected in zip(masks, kept, strict=True):
            mask[selected.positives] = 1
            mask[selected.negatives] = 1
        self.diagnostics.keep(f"{moment}_distances", torch.stack(distances))
        self.diagnostics.keep(f"{moment}_labels", labels)
        self.diagnostics.keep(f"{moment}_kept", masks)
