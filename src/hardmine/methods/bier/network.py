"""BIER's network: one pooled feature, a linear layer a group."""

from typing import cast

import torch
from torch import Tensor, nn

from hardmine.backbones.layers import glorot
from hardmine.errors import UserError
from hardmine.methods.ensemble import EnsembleNetwork
from hardmine.settings.backbones import BackboneSettings

from .settings import BIER

__all__ = ["BIERNetwork"]


class BIERNetwork(EnsembleNetwork):
    """The backbone with groups z_k = W_k·h + b_k of one feature h; one linear layer, cut.

    Args:
        run: the method's settings.
        settings: of the backbone; ``embedding`` are the dimensions of all groups together.
        channels: colour channels of an image.
        size: edge of an image in pixels.

    Raises:
        UserError: a group would have no dimension.
    """

    def __init__(self, run: BIER, settings: BackboneSettings, channels: int, size: int) -> None:
        super().__init__(settings, channels, size)
        sizes = run.sizes(settings.embedding)
        if min(sizes) < 1:
            raise UserError(
                f"groups: {list(run.groups)} cuts {settings.embedding} dimensions into groups of {sizes}. Give fewer "
                "groups, or a larger backbone.embedding."
            )
        features = self.pooling.features
        del self.head
        self.groups = nn.ModuleList([glorot(nn.Linear(features, size)) for size in sizes])
        self.weights = run.join_weights(sizes)
        self.gives_features = run.diversity != "none"

    @property
    def matrices(self) -> list[Tensor]:
        """W_k of the groups, float [d_k, features] each."""
        return [cast(nn.Linear, group).weight for group in self.groups]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Z of every group, not normalised: ``learner1``, … float [n, d_k], and h as ``features`` where needed."""
        features = self.features(images)
        found: dict[str, Tensor] = {f"learner{k}": group(features) for k, group in enumerate(self.groups, start=1)}
        return {**found, "features": features} if self.gives_features else found

    def learners(self, images: Tensor) -> list[Tensor]:
        """Z of every group, not normalised."""
        features = self.features(images)
        return [group(features) for group in self.groups]

    def views(self, features: Tensor) -> list[Tensor]:
        """What the diversity loss sees: f_k = W_k·h without bias and without a gradient into h, float [n, d_k] each."""
        still = features.detach()
        return [torch.nn.functional.linear(still, matrix) for matrix in self.matrices]
