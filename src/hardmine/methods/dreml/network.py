"""DREML's network: many whole networks, or one whose embedding is cut."""

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from hardmine.backbones import EmbeddingNetwork
from hardmine.backbones.taps import Backbone
from hardmine.errors import UserError
from hardmine.methods.ensemble import EnsembleNetwork
from hardmine.settings.backbones import BackboneSettings

from .settings import DREML

__all__ = ["DREMLNetwork"]


class DREMLNetwork(EnsembleNetwork):
    """L networks of D outputs each.

    Args:
        run: the method's settings.
        settings: of each backbone; ``embedding`` are the dimensions of all learners together.
        channels: colour channels of an image.
        size: edge of an image in pixels.

    Raises:
        UserError: dimensions that the learners cannot share equally, or fewer than two for each.
    """

    def __init__(self, run: DREML, settings: BackboneSettings, channels: int, size: int) -> None:
        nn.Module.__init__(self)
        dimensions, rest = divmod(settings.embedding, run.learners)
        if rest or dimensions < 2:
            raise UserError(
                f"learners: {settings.embedding} dimensions (backbone.embedding) cannot be shared equally by "
                f"{run.learners} learners with two or more each."
            )
        self.dimensions, self.weights = dimensions, (1.0,) * run.learners
        self.centre = run.centre
        shared = run.trunk == "shared"
        own = settings if shared else settings.model_copy(update={"embedding": dimensions})
        count = 1 if shared else run.learners
        self.members = nn.ModuleList(EmbeddingNetwork(own, channels, size) for _ in range(count))

    @property
    def networks(self) -> list[EmbeddingNetwork]:
        """The networks: one a learner, or one for all."""
        return [cast(EmbeddingNetwork, member) for member in self.members]

    @property
    def trunks(self) -> list[Backbone]:
        """The backbones of all networks."""
        return [network.backbone for network in self.networks]

    def logits(self, images: Tensor, network: int) -> list[Tensor]:
        """Logits of a network, float [n, D]: one, or those of all learners where they share it.

        Args:
            images: float [n, C, H, W].
            network: its number, from 0.
        """
        outputs = self.networks[network](images)["embedding"]
        return list(outputs.split(self.dimensions, dim=1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Logits of all learners: ``learner1``, … float [n, D]."""
        found = [logits for number in range(len(self.members)) for logits in self.logits(images, number)]
        return {f"learner{number}": logits for number, logits in enumerate(found, start=1)}

    def learners(self, images: Tensor) -> list[Tensor]:
        """Logits as they are compared: less their mean where the settings say so; not normalised."""
        found = list(self(images).values())
        return [logits - logits.mean(dim=1, keepdim=True) for logits in found] if self.centre else found

    @torch.no_grad()
    def load_origin(self, state: dict[str, Any]) -> None:
        """Start from another run's weights; every network from the same where that run has one only."""
        if any(name.startswith("members.") for name in state):
            super().load_origin(state)
            return
        for network in self.networks:
            network.load_origin(state)

    def load_pretrained(self, path: Path) -> None:
        """Start every trunk from published weights."""
        for network in self.networks:
            network.load_pretrained(path)
