"""The mixed difference network: a shared trunk, its deeper part twice, both branches joined to one embedding."""

from copy import deepcopy
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.backbones import EmbeddingNetwork
from hardmine.backbones.small_cnn import SmallCNNBackbone
from hardmine.backbones.taps import StagedBackbone
from hardmine.errors import UserError
from hardmine.settings.backbones import BackboneSettings

__all__ = ["MixedNetwork"]


class MixedNetwork(EmbeddingNetwork):
    """f1 = relu(W1·x1) of the attribute branch, f2 = W2·x2 of the instance branch, embedding W8·[f1; f2].

    The instance branch starts as a copy of the attribute branch's part of the trunk.

    Args:
        settings: of the backbone.
        channels: colour channels of an image.
        size: edge of an image in pixels.
        shared_tap: what both branches share; ``shallowest`` for the first tap.

    Raises:
        UserError: the backbone has no such tap, nothing lies between it and the deepest, or its parts are not modules.
    """

    def __init__(self, settings: BackboneSettings, channels: int, size: int, shared_tap: str = "shallowest") -> None:
        super().__init__(settings, channels, size)
        names = list(self.backbone.tap_shapes)
        self.shared_tap = names[0] if shared_tap == "shallowest" else shared_tap
        self.backbone.check_taps([self.shared_tap])
        if not isinstance(self.backbone, StagedBackbone | SmallCNNBackbone):
            raise UserError(f"network: mixed needs a backbone in stages, which {settings.name} is not. Take another.")
        self._doubled = names[names.index(self.shared_tap) + 1 : names.index(self.tap) + 1]
        if not self._doubled:
            raise UserError(f"shared_tap: nothing lies between {self.shared_tap} and {self.tap}. Set a shallower one.")
        self.branch = nn.ModuleList(deepcopy(getattr(self.backbone, name)) for name in self._doubled)
        width = settings.embedding
        self.instance_head = self.backbone.new_head(self.pooling.features, width)
        self.join = nn.Linear(2 * width, width)

    @property
    def copies(self) -> list[tuple[nn.Module, nn.Module]]:
        """The stages of the instance branch."""
        return [(copy, getattr(self.backbone, name)) for name, copy in zip(self._doubled, self.branch, strict=True)]

    def heads(self, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """What follows the pooled features of both branches: ``embedding``, ``instance`` f2, ``attribute`` f1.

        Args:
            first: x1, float [n, features].
            second: x2, float [n, features].
        """
        attribute, instance = torch.relu(self.head(first)), self.instance_head(second)
        joined = self.join(torch.cat([attribute, instance], dim=1))
        return {"embedding": joined, "instance": instance, "attribute": attribute}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Embedding and both branches' features, not normalised; float [n, D] each."""
        maps = self.backbone.taps(images, [self.shared_tap, self.tap])
        second = maps[self.shared_tap]
        for stage in self.branch:
            second = stage(second)
        return self.heads(self.pooling(maps[self.tap]), self.pooling(second))

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """The joined embedding alone, float [n, D] of length 1."""
        return {"embedding": functional.normalize(self(images)["embedding"], dim=1)}

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode; the copies are in that of what they are copies of (batch norm may be frozen)."""
        super().train(mode)
        for copy, part in self.copies if hasattr(self, "branch") else ():
            for own, other in zip(copy.modules(), part.modules(), strict=True):
                own.training = other.training
        return self
