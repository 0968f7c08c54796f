"""Settings of the small network for small images."""

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from .base import BackboneSettings, BatchNorm

__all__ = ["SmallCNN"]


class SmallCNN(BackboneSettings):
    """Seven 3×3 convolutions with batch norm in four blocks, for small images; taps after blocks 2, 3 and 4."""

    least_size: ClassVar[int] = 8

    name: Literal["small-cnn"] = "small-cnn"
    """The family."""
    width: PositiveInt = 16
    """Channels of the first block; each block has twice as many as the one before."""
    tap: Literal["block2", "block3", "block4"] = "block4"
    """Depth whose map is pooled for the embedding; hdc has heads of its own."""
    batch_norm: BatchNorm = Field("train", exclude_if=lambda value: value == "train")
    """train, or frozen: running statistics, scales and shifts stay as they start, in training too."""

    @property
    def tap_names(self) -> tuple[str, ...]:
        """The three blocks that are pooled before."""
        return ("block2", "block3", "block4")
