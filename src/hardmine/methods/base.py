"""What every method is: a network, a source of batches, one training step, what it logs, its state."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from hardmine.backbones import EmbeddingNetwork
from hardmine.errors import UserError
from hardmine.images.batches import TrainingImages, block_of
from hardmine.mining import BalancedSampler
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings
from hardmine.settings.training import Training

from .log import Diagnostics, EpochLog
from .rates import split_groups
from .two_passes import TwoPasses, refuse_parts

__all__ = ["Method", "Setup"]


@dataclass(frozen=True)
class Setup:
    """What a method is built from.

    Attributes:
        run: settings of the method.
        backbone: settings of the network.
        training: settings of training.
        images: the training images, on the device; ``images.labels`` int64 [N], classes 0..C-1.
        channels: colour channels of an image.
        size: edge of an image in pixels.
        device: where training happens.
        seed: of everything random.
    """

    run: RunSettings
    backbone: BackboneSettings
    training: Training
    images: TrainingImages
    channels: int
    size: int
    device: torch.device
    seed: int

    @property
    def labels(self) -> np.ndarray:
        """Class numbers of the training images, int64 [N]."""
        return self.images.store.labels

    @property
    def classes(self) -> int:
        """Number of training classes."""
        return self.images.store.classes

    def generator(self, purpose: int) -> torch.Generator:
        """A CPU generator of its own for a purpose, tied to the seed."""
        return torch.Generator().manual_seed(self.seed * 1000 + purpose)


class Method(ABC):
    """A training method.

    A subclass builds what it needs in ``__init__``, after ``super().__init__``, and registers everything that
    remembers something in ``self.parts``: objects with ``state_dict`` and ``load_state_dict``.
    """

    network_class: ClassVar[type[EmbeddingNetwork]] = EmbeddingNetwork
    """What is trained and saved."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.images = setup.images
        torch.manual_seed(setup.seed)
        self.network = self.build_network(setup.run, setup.backbone, setup.channels, setup.size)
        self.network.to(setup.device).to(memory_format=torch.channels_last)
        self.sampler = self.build_sampler()
        self.diagnostics = Diagnostics()
        self.parts: dict[str, Any] = {
            "network": self.network,
            "sampler": self.sampler,
            "images": self.images,
            "diagnostics": self.diagnostics,
        }
        self.optimisers: list[torch.optim.Optimizer] = []
        self.step_number = 0
        self._check_training()

    def _check_training(self) -> None:
        """Refuse settings of training that do not fit what was built."""
        training = self.setup.training
        if training.warmup_steps and training.warmup_steps >= self.total_steps > 0:
            raise UserError(
                f"training.warmup_steps: {training.warmup_steps} is no part of a training of {self.total_steps} steps "
                f"({training.images:,} images, {self.images_per_step} in a batch). Set fewer."
            )
        if training.forward_images and training.forward_images < self.images_per_step:
            if not self.setup.run.in_parts:
                raise UserError(
                    f"training.forward_images: {self.setup.run.method} has losses inside the network, which need the "
                    "whole batch at once. Leave the key out for its runs."
                )
            refuse_parts(self.network)

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> EmbeddingNetwork:
        """The network as saved in ``model.safetensors``, with random weights."""
        return cls.network_class(backbone, channels, size)

    def build_sampler(self) -> Any:
        """The source of index batches: ``next_batch()``, ``steps_per_epoch``, ``batch_size``, state; ``upcoming()``
        where it knows the next batch before it is drawn.
        """
        batch = self.setup.training.batch
        return BalancedSampler(self.setup.labels, batch.classes, batch.images_per_class, self.setup.seed)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters with their learning rates (key ``lr``), for ``add_optimiser``."""
        return [{"params": list(self.network.parameters()), "lr": self.setup.training.learning_rate}]

    def add_optimiser(self, groups: Iterable[dict[str, Any]], name: str = "optimiser") -> torch.optim.Optimizer:
        """Make the optimiser the settings name and register it; see ``split_groups`` for rates and decay."""
        training, split = self.setup.training, split_groups(groups, self.network, self.setup)
        optimiser: torch.optim.Optimizer
        match training.optimiser:
            case "adam":
                optimiser = torch.optim.Adam(split, weight_decay=training.weight_decay)
            case "adamw":
                optimiser = torch.optim.AdamW(split, weight_decay=training.weight_decay)
            case _:
                decay, rate = training.weight_decay, training.learning_rate
                optimiser = torch.optim.SGD(split, lr=rate, momentum=0.9, weight_decay=decay)
        return self.register_optimiser(optimiser, name)

    def register_optimiser(self, optimiser: torch.optim.Optimizer, name: str) -> torch.optim.Optimizer:
        """Put an optimiser under the schedule, the updates and the checkpoints."""
        for group in optimiser.param_groups:
            group["start_lr"] = group["lr"]
        self.optimisers.append(optimiser)
        self.parts[name] = optimiser
        return optimiser

    @property
    def steps_per_epoch(self) -> int:
        """Training steps in an epoch."""
        return int(self.sampler.steps_per_epoch)

    @property
    def images_per_step(self) -> int:
        """Training images in a step."""
        return int(self.sampler.batch_size)

    @property
    def total_steps(self) -> int:
        """Steps that use up the budget of training images."""
        return max(1, round(self.setup.training.images / self.images_per_step))

    def begin_epoch(self, epoch: int, log: EpochLog) -> None:
        """Called before the first step of an epoch (from 0)."""
        return None

    def step(self, log: EpochLog) -> None:
        """One training step: batch, forward, loss, backward, update."""
        rows = self.sampler.next_batch()
        self.set_learning_rates()
        numbers = torch.from_numpy(rows)
        images = self.augmented(rows)
        loss = self.update_on(images, lambda outputs: self.loss(outputs, numbers, log))
        log.add("loss", loss)

    def augmented(self, rows: Tensor | np.ndarray) -> Tensor:
        """The images of the sampler's last batch, randomly changed; those of its next are read meanwhile."""
        images = self.images.augmented(rows)
        if hasattr(self.sampler, "upcoming"):
            self.images.announce(self.sampler.upcoming())
        return images

    def update_on(self, images: Tensor, loss_of: Callable[[dict[str, Tensor]], Tensor]) -> Tensor:
        """Forward, loss, backward and update on a batch; the loss.

        A batch of more than ``training.forward_images`` images goes through the network in parts, twice: without
        gradients to get all its outputs, for the loss of the whole; then with the gradients of the outputs.

        Args:
            images: float [n, C, H, W].
            loss_of: the loss, a scalar with gradient, of what the network gives for the batch, in float32.
        """
        size = self.setup.training.forward_images
        if not size or len(images) <= size:
            loss = loss_of(self._forward(images))
            self.update(loss)
            return loss
        passes = TwoPasses(self._forward, images.split(size))
        loss = loss_of(passes.outputs)
        self.update(loss, passes.backward)
        return loss

    def _forward(self, images: Tensor) -> dict[str, Tensor]:
        with self.precision():
            outputs = self.network(images)
        return {name: value.float() for name, value in outputs.items()}

    @abstractmethod
    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """The loss of a batch, a scalar with gradient.

        Args:
            outputs: what the network gives for the batch.
            rows: int64 [n], positions of the batch's images among the training images.
            log: takes values to report.
        """

    def update(self, loss: Tensor, further: Callable[[], None] | None = None) -> None:
        """Backward, ``further`` where there is more to it, and one step of every optimiser."""
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if further is not None:
            further()
        if self.setup.training.gradient_clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.setup.training.gradient_clip)
        for optimiser in self.optimisers:
            optimiser.step()

    def set_learning_rates(self) -> None:
        """Learning rates of the running step, by the schedule."""
        factor = self.schedule(self.step_number)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["start_lr"] * factor

    def schedule(self, step: int) -> float:
        """Factor on the learning rates at a step (from 0)."""
        rising = self.setup.training.warmup_steps
        return self._falling(step) * (min(1.0, (step + 1) / rising) if rising else 1.0)

    def _falling(self, step: int) -> float:
        match self.setup.training.schedule:
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * step / self.total_steps))
            case "halve-every-3-epochs":
                return 0.5 ** (step // self.steps_per_epoch // 3)
            case "steps":
                training = self.setup.training
                return training.drop_factor ** sum(step >= drop for drop in training.drop_at)
        return 1.0

    def precision(self) -> AbstractContextManager[Any]:
        """Autocast to bf16 where the settings ask for it."""
        if self.setup.training.precision == "bf16":
            return torch.autocast(self.setup.device.type, dtype=torch.bfloat16)
        return nullcontext()

    @torch.no_grad()
    def embed_training(self, rows: np.ndarray) -> Tensor:
        """Final embeddings of training images in evaluation mode, float32 [k, D], length 1, on the device."""
        block = block_of(self.setup.size)
        was_training = self.network.training
        self.network.eval()
        parts = [
            next(iter(self.network.embed(self.images.plain(rows[start : start + block])).values()))
            for start in range(0, len(rows), block)
        ]
        self.network.train(was_training)
        return torch.cat(parts)

    def state_dict(self) -> dict[str, Any]:
        """Everything training needs to go on."""
        return {"step_number": self.step_number, **{name: part.state_dict() for name, part in self.parts.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved state."""
        self.step_number = state["step_number"]
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
