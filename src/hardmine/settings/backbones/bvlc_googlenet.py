"""Settings of the GoogLeNet that the papers trained."""

from typing import Literal

from pydantic import PositiveInt

from .base import BackboneSettings, Weights, WeightsFile

__all__ = ["BVLCGoogLeNet"]


class BVLCGoogLeNet(BackboneSettings):
    """Inception v1 of the Berkeley group: no batch norm, local response normalisation; taps as HDC has them."""

    name: Literal["bvlc-googlenet"]
    """The family."""
    embedding: PositiveInt = 128
    """Dimensions of the embedding."""
    tap: Literal["deepest", "inception_4a", "inception_4d", "inception_5b"] = "deepest"
    """Depth whose map is pooled for the embedding; hdc has heads of its own."""
    weights: Weights = "imagenet"
    """Where the trunk starts: none (random), or imagenet (published weights)."""

    @property
    def tap_names(self) -> tuple[str, ...]:
        """The outputs of three inception modules."""
        return ("inception_4a", "inception_4d", "inception_5b")

    @property
    def weights_file(self) -> WeightsFile | None:
        """The Caffe model's parameters by layer, as arrays."""
        if self.weights == "none":
            return None
        return WeightsFile(
            folder="data/raw/weights/bvlc_googlenet",
            name="bvlc_googlenet.npz",
            urls=(),
            sha256="02c345b5ca0e58f15ccd216b42f270cd055a5e1e1cb598ccee122fefc501adec",
            licence="released for unrestricted use by its authors (Caffe model zoo, bvlc_googlenet)",
        )
