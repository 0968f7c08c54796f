"""Backbone and head: images in, named embeddings out."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.settings.backbones import SmallCNN

from .pooling import build_pooling
from .small_cnn import SmallCNNBackbone
from .taps import Backbone

__all__ = ["EmbeddingNetwork", "build_backbone"]


def build_backbone(settings: SmallCNN, channels: int, size: int) -> Backbone:
    """The trunk named in the settings, with random weights."""
    return SmallCNNBackbone(channels, size, settings.width)


class EmbeddingNetwork(nn.Module):
    """One map pooled (by default the global average of the deepest), one linear layer.

    Methods with other heads derive from it; what it stores is ``model.safetensors``.
    """

    def __init__(self, settings: SmallCNN, channels: int, size: int) -> None:
        super().__init__()
        self.backbone = build_backbone(settings, channels, size)
        self.tap = settings.tap
        self.backbone.trim(self.tap)
        self.pooling = build_pooling(settings.pooling, self.backbone.tap_shapes[self.tap][0])
        self.head = nn.Linear(self.pooling.features, settings.embedding)

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
        """Start from another run's weights: all tensors with the same name and shape."""
        own = self.state_dict()
        self.load_state_dict({**own, **{k: v for k, v in state.items() if k in own and own[k].shape == v.shape}})
