"""Backbone and head: images in, named embeddings out."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.errors import UserError
from hardmine.settings.backbones import BACKBONES, BackboneSettings

from .pooling import build_pooling
from .taps import Backbone

__all__ = ["EmbeddingNetwork", "build_backbone"]


def build_backbone(settings: BackboneSettings, channels: int, size: int) -> Backbone:
    """The trunk named in the settings, with random weights.

    Args:
        settings: of the backbone.
        channels: colour channels of an image, 1 or 3.
        size: edge of an image in pixels.

    Raises:
        UserError: the family cannot take images of this size, or its package is missing.
    """
    if fault := settings.size_fault(size):
        raise UserError(f"backbone: {fault}. Change dataset.size, training.augmentation.crop or the backbone.")
    trunk: Backbone = BACKBONES.implementation(settings.name)(settings, channels, size)
    if getattr(settings, "batch_norm", "train") == "frozen":
        trunk.freeze_batch_norm()
    return trunk


class EmbeddingNetwork(nn.Module):
    """One map pooled (by default the global average of the deepest), one linear layer.

    Methods with other heads derive from it; what it stores is ``model.safetensors``.
    """

    def __init__(self, settings: BackboneSettings, channels: int, size: int) -> None:
        super().__init__()
        self.backbone = build_backbone(settings, channels, size)
        self.tap = self.backbone.last_tap if settings.tap == "deepest" else settings.tap
        self.backbone.check_taps([self.tap])
        self.backbone.trim(self.tap)
        self.pooling = build_pooling(settings.pooling, self.backbone.tap_shapes[self.tap][0])
        self.head = self.backbone.new_head(self.pooling.features, settings.embedding)

    @property
    def trunks(self) -> list[Backbone]:
        """Its backbones: one, unless the method has several."""
        return [self.backbone]

    @property
    def copies(self) -> list[tuple[nn.Module, nn.Module]]:
        """Parts beside one of the trunk, with its rate and its published weights; each with that part."""
        return []

    def features(self, images: Tensor) -> Tensor:
        """Pooled features before the head, float [n, features]."""
        pooled: Tensor = self.pooling(self.backbone.taps(images, [self.tap])[self.tap])
        return pooled

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Embeddings as the loss sees them, not normalised: ``embedding`` float [n, D]."""
        return {"embedding": self.head(self.features(images))}

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Embeddings as they are compared: ``embedding`` float [n, D] of length 1, the final one first."""
        return {name: functional.normalize(value, dim=1) for name, value in self(images).items()}

    @torch.no_grad()
    def load_origin(self, state: dict[str, Any]) -> None:
        """Start from another run's weights: all tensors with the same name and shape.

        Copies that the other run lacks start from the trunk.
        """
        own = self.state_dict()
        taken = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
        self.load_state_dict({**own, **taken})
        names = {id(parameter): name for name, parameter in self.named_parameters()}
        for copy, part in self.copies:
            if not any(names[id(parameter)] in taken for parameter in copy.parameters()):
                copy.load_state_dict(part.state_dict())

    def load_pretrained(self, path: Path) -> None:
        """Start the trunk, and its copies, from a file of published weights (``settings.backbones.weights_file``).

        Raises:
            UserError: the file cannot be read, or is of another network.
        """
        self.backbone.load_pretrained(path)
        for copy, part in self.copies:
            copy.load_state_dict(part.state_dict())
