"""HDC's network: one backbone tapped at several depths, a head and an embedding at each."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.backbones.layers import caffe_linear
from hardmine.backbones.network import EmbeddingNetwork, build_backbone
from hardmine.errors import UserError
from hardmine.methods.levels import level_embeddings
from hardmine.settings.backbones import BackboneSettings

from .settings import HDC

__all__ = ["DeepestHead", "HDCNetwork", "ShallowHead"]

GRID = 4
"""Edge of the pooled map in the heads of all levels but the last."""


class ShallowHead(nn.Module):
    """Pool to 4×4, 1×1 convolution, ReLU, fully connected, ReLU, dropout, embedding layer.

    Args:
        shape: channels, height and width of the tap.
        channels: of the 1×1 convolution.
        features: outputs of the fully connected layer.
        dropout: share dropped before the embedding layer.
        dimensions: D.
    """

    def __init__(
        self, shape: tuple[int, int, int], channels: int, features: int, dropout: float, dimensions: int
    ) -> None:
        super().__init__()
        self.pool = _pool(shape[1], shape[2])
        self.reduce = nn.Conv2d(shape[0], channels, 1)
        self.hidden = nn.Linear(channels * GRID * GRID, features)
        self.dropout = nn.Dropout(dropout)
        self.embedding = caffe_linear(features, dimensions)

    def forward(self, features: Tensor) -> Tensor:
        """A tap's map [n, C, H, W] to z, float [n, D]."""
        reduced = functional.relu(self.reduce(self.pool(features))).flatten(1)
        vectors: Tensor = self.embedding(self.dropout(functional.relu(self.hidden(reduced))))
        return vectors


class DeepestHead(nn.Module):
    """Global average, dropout, embedding layer.

    Args:
        shape: channels, height and width of the tap.
        dropout: share dropped before the embedding layer.
        dimensions: D.
    """

    def __init__(self, shape: tuple[int, int, int], dropout: float, dimensions: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.embedding = caffe_linear(shape[0], dimensions)

    def forward(self, features: Tensor) -> Tensor:
        """A tap's map [n, C, H, W] to z, float [n, D]."""
        vectors: Tensor = self.embedding(self.dropout(features.mean(dim=(2, 3))))
        return vectors


class HDCNetwork(EmbeddingNetwork):
    """The backbone with one head a level, named by depth.

    Args:
        run: the method's settings.
        settings: of the backbone; each level has its ``embedding`` dimensions.
        channels: colour channels of an image.
        size: edge of an image in pixels.

    Raises:
        UserError: the backbone has no such taps, too few, or they do not go from shallow to deep.
    """

    def __init__(self, run: HDC, settings: BackboneSettings, channels: int, size: int) -> None:
        nn.Module.__init__(self)
        self.backbone = build_backbone(settings, channels, size)
        self.tap_names = self._choose_taps(run)
        self.test_weights = run.weights_of_levels
        self.random_heads = run.aux_init == "random"
        shapes = [self.backbone.tap_shapes[name] for name in self.tap_names]
        heads: list[nn.Module] = [
            ShallowHead(shape, run.head_channels, run.head_features, run.head_dropout, settings.embedding)
            for shape in shapes[:-1]
        ]
        self.heads = nn.ModuleList([*heads, DeepestHead(shapes[-1], run.last_dropout, settings.embedding)])

    def _choose_taps(self, run: HDC) -> tuple[str, ...]:
        have = list(self.backbone.tap_shapes)
        if len(run.ratios) > len(have):
            raise UserError(
                f"ratios: {len(run.ratios)} levels are asked for, {type(self.backbone).__name__} has {len(have)} taps "
                f"({', '.join(have)}). Give fewer ratios."
            )
        names = run.taps or tuple(have[-len(run.ratios) :])
        self.backbone.check_taps(names)
        if [have.index(name) for name in names] != sorted(have.index(name) for name in names):
            raise UserError(f"taps: {', '.join(names)} are not in the order shallow to deep: {', '.join(have)}.")
        return names

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Vectors z of every level, not normalised: ``level1``, ``level2``, … float [n, D], shallow to deep."""
        maps = self.backbone.taps(images, self.tap_names)
        return {
            f"level{number}": head(maps[name])
            for number, (name, head) in enumerate(zip(self.tap_names, self.heads, strict=True), start=1)
        }

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Embeddings as they are compared, all of length 1.

        ``embedding`` joins the levels with the test weights; with several levels there are also ``level1``, … and
        ``equal-weights``, which joins them with weights 1.
        """
        return level_embeddings(self(images), self.test_weights)

    @torch.no_grad()
    def load_origin(self, state: dict[str, Any]) -> None:
        """Start from another run's weights; without its heads where the settings ask for random ones."""
        super().load_origin({k: v for k, v in state.items() if not (self.random_heads and k.startswith("heads."))})


def _pool(height: int, width: int) -> nn.Module:
    """The paper's 5×5 average with stride 3 where it gives a 4×4 map (edges 12 to 14), else averages of equal parts."""
    if all(-(-(edge - 5) // 3) + 1 == GRID for edge in (height, width)):
        return nn.AvgPool2d(5, stride=3, ceil_mode=True)
    if height % GRID == 0 and width % GRID == 0:
        return nn.AvgPool2d((height // GRID, width // GRID))  # the same as adaptive pooling, and faster
    return nn.AdaptiveAvgPool2d(GRID)
