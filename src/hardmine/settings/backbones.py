"""Network families and their sizes."""

from typing import TYPE_CHECKING, Literal

from pydantic import PositiveInt

from .base import Settings, overrides_of

__all__ = ["Backbone", "BackboneOverrides", "SmallCNN"]


class SmallCNN(Settings):
    """Seven 3×3 convolutions with batch norm in four blocks, for small images; taps after blocks 2, 3 and 4."""

    name: Literal["small-cnn"] = "small-cnn"
    """The family."""
    width: PositiveInt = 16
    """Channels of the first block; each block has twice as many as the one before."""
    embedding: PositiveInt = 64
    """Dimensions of the embedding."""
    tap: Literal["block2", "block3", "block4"] = "block4"
    """Depth whose map is pooled for the embedding; hdc has heads of its own."""
    pooling: Literal["average", "second-order"] = "average"
    """How the map becomes a vector: its average, or second-order statistics of its channels."""


Backbone = SmallCNN
if TYPE_CHECKING:
    BackboneOverrides = SmallCNN
else:
    BackboneOverrides = overrides_of(SmallCNN)
