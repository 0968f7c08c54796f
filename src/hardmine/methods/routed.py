"""Methods with several groups of weights, each with a loss and an optimiser of its own."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from hardmine.errors import TrainingFailedError

from .base import Method, Setup
from .log import EpochLog

__all__ = ["Gradients", "GroupLosses", "Losses", "RoutedMethod"]

Gradients = tuple[Tensor | None, ...]
"""Of the parameters of a group; None for one that the loss does not depend on."""


class Losses(Protocol):
    """What a step has computed, all from one forward pass."""

    @property
    def groups(self) -> dict[str, Tensor]:
        """The loss of each group of weights that is trained in this step, the network's last."""

    @property
    def report(self) -> dict[str, Tensor]:
        """Scalars to log, in the order in which they are computed."""

    @property
    def arrays(self) -> dict[str, Tensor]:
        """Arrays to keep for figures."""


@dataclass
class GroupLosses:
    """``Losses`` as plain fields."""

    groups: dict[str, Tensor]
    report: dict[str, Tensor]
    arrays: dict[str, Tensor] = field(default_factory=dict)


class RoutedMethod(Method):
    """Each group of weights gets the gradient of its own loss only, all of them taken before any update.

    A group is named as the attribute that holds it. A subclass adds the optimiser of ``network`` by ``add_optimiser``,
    the others by ``add_group``, and computes ``losses``.
    """

    unused_weights = False
    """Whether a loss may leave out some weights of its group; they are then not updated. Else that is an error."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.side_optimisers: dict[str, torch.optim.Optimizer] = {}

    def add_group(
        self, name: str, part: nn.Module, rate: float, scheduled: bool = False, weight_decay: float = 0.0
    ) -> None:
        """Put a part on the device, under an Adam of its own and into the checkpoints.

        Args:
            name: of the group; its optimiser's in checkpoints is ``<name>_optimiser``.
            part: whose weights they are.
            rate: learning rate.
            scheduled: whether the rate follows ``training.schedule``; else it is constant.
            weight_decay: L2 penalty of the optimiser.
        """
        part.to(self.setup.device)
        optimiser = torch.optim.Adam(part.parameters(), lr=rate, weight_decay=weight_decay)
        if scheduled:
            optimiser.param_groups[0]["start_lr"] = rate
            self.optimisers.append(optimiser)
        self.parts |= {name: part, f"{name}_optimiser": optimiser}
        self.side_optimisers[name] = optimiser

    def parameters_of(self, group: str) -> list[nn.Parameter]:
        """The weights of a group."""
        return list(getattr(self, group).parameters())

    def losses(self, rows: Tensor) -> Losses:
        """All losses of a batch.

        Args:
            rows: int64 [B], positions of the batch's images among the training images.
        """
        raise NotImplementedError

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """Never called: there is one loss for each group of weights, see ``losses``."""
        raise NotImplementedError

    def step(self, log: EpochLog) -> None:
        """Forward once, a gradient for each group, an update of each, then what follows from the values."""
        rows = self.sampler.next_batch()
        self.set_learning_rates()
        losses = self.losses(torch.from_numpy(rows))
        values = self.numbers(losses.report)
        self.apply(self.gradients(losses))
        for name, points in losses.arrays.items():
            self.diagnostics.keep(name, points)
        for name, value in values.items():
            log.add(name, value)
        self.end_step(losses, values, log)

    def end_step(self, losses: Losses, values: Mapping[str, float], log: EpochLog) -> None:
        """Called after the updates of a step, with what was logged."""
        return None

    def gradients(self, losses: Losses) -> dict[str, Gradients]:
        """For each group of weights the gradient of its own loss, all before any update."""
        last = list(losses.groups)[-1]
        return {
            name: torch.autograd.grad(
                loss, self.parameters_of(name), retain_graph=name != last, allow_unused=self.unused_weights
            )
            for name, loss in losses.groups.items()
        }

    def apply(self, gradients: Mapping[str, Gradients]) -> None:
        """One step of the optimiser of every group that has a gradient."""
        optimisers = {"network": self.optimisers[0], **self.side_optimisers}
        for name, found in gradients.items():
            weights = self.parameters_of(name)
            for weight, gradient in zip(weights, found, strict=True):
                weight.grad = gradient
            if name == "network" and self.setup.training.gradient_clip:
                nn.utils.clip_grad_norm_(weights, self.setup.training.gradient_clip)
        for name in gradients:
            optimisers[name].step()

    def numbers(self, report: Mapping[str, Tensor]) -> dict[str, float]:
        """The scalars to log.

        Raises:
            TrainingFailedError: one is not finite; the message names the first in the order of computation.
        """
        values = torch.stack([value.detach() for value in report.values()]).tolist()
        for name, value in zip(report, values, strict=True):
            if not math.isfinite(value):
                raise TrainingFailedError(
                    f"training: '{name}' became {value} at step {self.step_number + 1}, before any other term. "
                    "A smaller training.learning_rate or generator_learning_rate, or a training.gradient_clip may help."
                )
        return dict(zip(report, values, strict=True))
