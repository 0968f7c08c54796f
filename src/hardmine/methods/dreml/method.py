"""DREML: networks that never meet, each with its merging, its order of images, its optimiser."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hardmine.errors import UserError
from hardmine.methods.base import Setup
from hardmine.methods.ensemble import EnsembleMethod
from hardmine.methods.levels import SHOWN
from hardmine.methods.log import EpochLog
from hardmine.mining.classes import class_means, some_of_each
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from .batches import BatchesOfEach
from .loss import common_mode, meta_class_loss
from .meta_classes import merged_share, merging_of, similar_merging
from .network import DREMLNetwork
from .settings import DREML

__all__ = ["DREMLMethod", "Merging"]


class Merging:
    """The ID matrix as a part with state.

    Args:
        matrix: int64 [C, L], the meta-class of every class for every learner.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = torch.from_numpy(matrix)

    def state_dict(self) -> dict[str, Tensor]:
        """The matrix."""
        return {"matrix": self.matrix.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take a saved matrix."""
        self.matrix = state["matrix"].clone()


class DREMLMethod(EnsembleMethod):
    """Deep randomized ensembles: in each step a batch of every network, or of the one whose turn it is."""

    network: DREMLNetwork

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, DREML)
        self.run = setup.run
        super().__init__(setup)
        meta, learners = self.network.dimensions, self.run.learners
        if self.run.targets == "meta-classes" and meta > setup.classes:
            raise UserError(
                f"learners: {learners} learners have {meta} meta-classes each, training has {setup.classes} classes. "
                "Set more learners, or a smaller backbone.embedding."
            )
        kind = "random" if self.run.merging == "similar" else self.run.merging  # until the first epoch begins
        self.merging = Merging(merging_of(kind, setup.classes, meta, learners, setup.seed))
        self.class_losses = nn.ModuleList(self._class_losses())
        self.parts |= {"merging": self.merging, "class_losses": self.class_losses}
        for number in range(len(self.network.members)):
            self.add_optimiser(self._groups_of(number), f"optimiser{number + 1}")

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> DREMLNetwork:
        """All networks."""
        assert isinstance(run, DREML)
        return DREMLNetwork(run, backbone, channels, size)

    def build_sampler(self) -> BatchesOfEach:
        """Shuffled batches, those of each network in an order of its own."""
        batch, setup = self.setup.training.batch, self.setup
        size = batch.classes * batch.images_per_class
        return BatchesOfEach(len(setup.labels), size, len(self.network.members), setup.seed)

    def _class_losses(self) -> list[nn.Module]:
        """A softmax over all classes for each learner, where that is what they learn."""
        if self.run.targets == "meta-classes":
            return []
        from pytorch_metric_learning import losses  # slow to import

        sizes = (self.setup.classes, self.network.dimensions, self.run.temperature)
        return [losses.NormalizedSoftmaxLoss(*sizes).to(self.setup.device) for _ in range(self.run.learners)]

    def _groups_of(self, network: int) -> list[dict[str, Any]]:
        """A network's parameters, and the class vectors that belong to it."""
        own = list(self.network.networks[network].parameters())
        groups: list[dict[str, Any]] = [{"params": own, "lr": self.setup.training.learning_rate}]
        if vectors := [vector for learner in self.learners_of(network) for vector in self._vectors(learner)]:
            groups.append({"params": vectors, "lr": self.run.proxy_learning_rate, "weight_decay": 0.0})
        return groups

    def _vectors(self, learner: int) -> list[nn.Parameter]:
        return list(self.class_losses[learner].parameters()) if len(self.class_losses) else []

    def learners_of(self, network: int) -> list[int]:
        """Numbers of the learners that a network holds, from 0."""
        return list(range(self.run.learners)) if self.run.trunk == "shared" else [network]

    def begin_epoch(self, epoch: int, log: EpochLog) -> None:
        """Merge similar classes before the first step; report what is merged."""
        if epoch == 0 and self.run.merging == "similar":
            self.merging.matrix = torch.from_numpy(self._similar())
        if epoch == 0:
            self.diagnostics.keep("meta_classes", self.merging.matrix)
        if self.run.targets == "meta-classes":
            columns = self.merging.matrix.numpy().T
            log.set("merged_class_pairs", float(np.mean([merged_share(column) for column in columns])))

    @torch.no_grad()
    def _similar(self) -> np.ndarray:
        """A merging by the classes' mean features in each learner's network, as it starts."""
        rows = some_of_each(self.setup.labels, 8, np.random.default_rng([self.setup.seed, 5]))
        images, labels = self.images.plain(rows), self.setup.labels[rows]
        means = []
        for number, network in enumerate(self.network.networks):
            network.eval()
            found = class_means(network.features(images).float(), labels, self.setup.classes).cpu().numpy()
            means += [found] * len(self.learners_of(number))
            network.train()
        return similar_merging(means, self.network.dimensions)

    def step(self, log: EpochLog) -> None:
        """A batch of every network, or of the one whose turn it is: forward, loss, backward, its own update."""
        self.set_learning_rates()
        count = len(self.network.members)
        turn = range(count) if self.run.budget == "each" else [self.step_number % count]
        for network in turn:
            log.add("loss", self._train(network, log))
        self.look_at_ends(log)

    def _train(self, network: int, log: EpochLog) -> Tensor:
        rows = self.sampler.next_batch(network)
        images = self.images.augmented(rows)
        with self.precision():
            logits = self.network.logits(images, network)
        numbers = torch.from_numpy(rows)
        pairs = zip(self.learners_of(network), logits, strict=True)
        values = [self.loss_of(learner, own.float(), numbers, log) for learner, own in pairs]
        total = torch.stack(values).sum()
        optimiser = self.optimisers[network]
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        if self.setup.training.gradient_clip:
            nn.utils.clip_grad_norm_(self.network.networks[network].parameters(), self.setup.training.gradient_clip)
        optimiser.step()
        return total.detach() / len(values)

    def loss_of(self, learner: int, logits: Tensor, rows: Tensor, log: EpochLog) -> Tensor:
        """The loss of a learner, a scalar.

        Args:
            learner: its number, from 0.
            logits: float [n, D].
            rows: int64 [n], positions of the images among the training images.
            log: takes its loss, accuracy, and what the loss does not see.
        """
        labels = self.images.labels[rows.to(self.images.labels.device)]
        if len(self.class_losses):
            value: Tensor = self.class_losses[learner](logits, labels)
        else:
            targets = self.merging.matrix.to(labels.device)[labels, learner]
            value = meta_class_loss(logits, targets, self.run.logits)
            log.add("meta_class_accuracy", (logits.detach().argmax(dim=1) == targets).float().mean())
        log.add("common_mode", common_mode(logits.detach()))
        log.add("logit_length", logits.detach().norm(dim=1).mean())
        if learner < SHOWN:
            log.add(f"learner{learner + 1}_loss", value)
        return value

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """Sum of all learners' losses on one batch; training gives each network a batch of its own, see ``step``."""
        return torch.stack([self.loss_of(k, own, rows, log) for k, own in enumerate(outputs.values())]).sum()
