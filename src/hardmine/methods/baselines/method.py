"""The baselines: one library loss on class-balanced batches."""

from typing import Any

from torch import Tensor, nn

from hardmine.backbones import EmbeddingNetwork
from hardmine.methods.base import Method, Setup
from hardmine.methods.log import EpochLog
from hardmine.methods.random_numbers import RandomNumbers
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from . import settings

__all__ = ["Baseline", "RandomNetworkMethod"]


class Baseline(Method):
    """A baseline loss with its selection."""

    def __init__(self, setup: Setup) -> None:
        from .loss import Task, build_baseline_loss  # slow to import, and embedding does not need it

        super().__init__(setup)
        generator = setup.generator(1)
        steps = self.steps_per_epoch
        task = Task(setup.classes, len(setup.labels), setup.backbone.embedding, steps, generator)
        self.loss_module = build_baseline_loss(setup.run, task)
        self.loss_module.to(setup.device)
        self.parts |= {"loss": self.loss_module, "selection": RandomNumbers(generator)}
        self.add_optimiser(self.parameter_groups())

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network; proxies, class vectors or the boundary at a rate of their own."""
        groups = super().parameter_groups()
        own = list(self.loss_module.parameters())
        if own:
            run: Any = self.setup.run
            rate = run.boundary_learning_rate if isinstance(run, settings.Margin) else run.proxy_learning_rate
            groups.append({"params": own, "lr": rate, "weight_decay": 0.0})
        return groups

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """The library's loss."""
        labels = self.images.labels[rows.to(self.images.labels.device)]
        value, logs = self.loss_module(outputs["embedding"], labels)
        for name, number in logs.items():
            log.add(name, number)
        return value


class RandomNetworkMethod(Method):
    """The untrained network: no step at all."""

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> EmbeddingNetwork:
        """Without a head where the settings say so."""
        network = super().build_network(run, backbone, channels, size)
        if isinstance(run, settings.RandomNetwork) and run.head == "none":
            network.add_module("head", nn.Identity())
        return network

    @property
    def total_steps(self) -> int:
        """Nothing is trained."""
        return 0

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """Never called."""
        raise NotImplementedError
