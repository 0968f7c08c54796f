"""DAML's network: what a negative is made of, and the metric f that is attacked."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.backbones.layers import glorot
from hardmine.methods.head_network import EPSILON, HeadNetwork
from hardmine.settings.backbones import BackboneSettings

from .settings import DAML

__all__ = ["DAMLNetwork", "two_layers"]


class DAMLNetwork(HeadNetwork):
    """Features y, pooled or embedded at unit length, then the head f.

    Args:
        run: settings of the method.
        settings: of the backbone.
        channels: colour channels of an image.
        size: edge of an image.
    """

    def __init__(self, run: DAML, settings: BackboneSettings, channels: int, size: int) -> None:
        super().__init__(settings, channels, size, False, run.batch_norm_momentum, run.head_start)
        self.feature_norm: nn.Module | None = None
        width, embedding = self.head.in_features, self.head.out_features
        if run.features == "embedded":
            self.feature_norm = nn.BatchNorm1d(width, EPSILON, run.batch_norm_momentum)
            self.feature_layer = glorot(nn.Linear(width, embedding))
            self.head = glorot(nn.Linear(embedding, embedding), run.head_start)
            width = embedding
        if run.head == "batch-norm-linear":
            self.head_norm = nn.BatchNorm1d(width, EPSILON, run.batch_norm_momentum)
        if run.head == "two-layers":
            self.add_module("head", two_layers(width, embedding))
        self.width = width

    def features(self, images: Tensor) -> Tensor:
        """y, float [n, d]: pooled, or embedded and of length 1."""
        pooled = super().features(images)
        if self.feature_norm is None:
            return pooled
        return functional.normalize(self.feature_layer(self.feature_norm(pooled)), dim=1)


def two_layers(inputs: int, outputs: int) -> nn.Sequential:
    """Linear, ReLU, linear, both from the identity (ones on the diagonal), biases 0."""
    layers = nn.Linear(inputs, outputs), nn.Linear(outputs, outputs)
    with torch.no_grad():
        for layer in layers:
            nn.init.eye_(layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1])
