"""Settings of torchvision's networks."""

from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from .base import BackboneSettings, BatchNorm, Weights, WeightsFile

__all__ = ["ARCHITECTURES", "Architecture", "Torchvision"]


@dataclass(frozen=True)
class Architecture:
    """What must be known of an architecture before torch is there.

    Attributes:
        file: its official ImageNet weights (the first version); eight digits of its SHA-256 end the name.
        taps: names of the depths, shallow to deep, as torchvision names them.
        batch_norm: whether it has any.
        least_size: smallest edge of an image in pixels.
        multiple: the edge must be a multiple of this.
    """

    file: str
    taps: tuple[str, ...]
    batch_norm: bool = True
    least_size: int = 32
    multiple: int = 1


_LAYERS = ("layer1", "layer2", "layer3", "layer4")
_STAGES = ("stage1", "stage2", "stage3", "stage4")

ARCHITECTURES = {
    "googlenet": Architecture(
        "googlenet-1378be20.pth", ("inception3b", "inception4a", "inception4d", "inception4e", "inception5b")
    ),
    "resnet18": Architecture("resnet18-f37072fd.pth", _LAYERS),
    "resnet34": Architecture("resnet34-b627a593.pth", _LAYERS),
    "resnet50": Architecture("resnet50-0676ba61.pth", _LAYERS),
    "resnet101": Architecture("resnet101-63fe2227.pth", _LAYERS),
    "densenet121": Architecture(
        "densenet121-a639ec97.pth", ("denseblock1", "denseblock2", "denseblock3", "denseblock4")
    ),
    "mobilenet_v3_large": Architecture("mobilenet_v3_large-8738ca79.pth", _STAGES),
    "efficientnet_b0": Architecture("efficientnet_b0_rwightman-7f5810bc.pth", _STAGES),
    "efficientnet_v2_s": Architecture("efficientnet_v2_s-dd5fe13b.pth", _STAGES, least_size=33),
    "convnext_tiny": Architecture("convnext_tiny-983f1562.pth", _STAGES, batch_norm=False),
    "convnext_small": Architecture("convnext_small-0c510722.pth", _STAGES, batch_norm=False),
    "swin_t": Architecture("swin_t-704ceda3.pth", _STAGES, batch_norm=False),
    "vit_b_16": Architecture(
        "vit_b_16-c867db91.pth", ("block4", "block8", "class_token"), batch_norm=False, multiple=16
    ),
}


class Torchvision(BackboneSettings):
    """A network of torchvision."""

    name: Literal["torchvision"]
    """The family."""
    architecture: Literal[tuple(ARCHITECTURES)] = "resnet50"  # type: ignore[valid-type]
    """The network."""
    embedding: PositiveInt = 128
    """Dimensions of the embedding."""
    weights: Weights = "imagenet"
    """Where the trunk starts: none (random), or imagenet (the official weights, first version)."""
    batch_norm: BatchNorm = Field("train", exclude_if=lambda value: value == "train")
    """train, or frozen: running statistics, scales and shifts stay as they start, in training too."""

    @property
    def facts(self) -> Architecture:
        """Of the architecture."""
        return ARCHITECTURES[self.architecture]

    @property
    def tap_names(self) -> tuple[str, ...]:
        """The architecture's taps."""
        return self.facts.taps

    @property
    def weights_file(self) -> WeightsFile | None:
        """The official state dictionary."""
        if self.weights == "none":
            return None
        name = self.facts.file
        return WeightsFile(
            folder=f"data/raw/weights/{name.removesuffix('.pth')}",
            name=name,
            urls=(f"https://download.pytorch.org/models/{name}",),
            sha256=name.removesuffix(".pth").rpartition("-")[2],
            licence="torchvision: BSD, three clauses; trained on ImageNet, whose terms are for research "
            "(https://github.com/pytorch/vision)",
        )

    def size_fault(self, size: int) -> str | None:
        """What is wrong with images of this edge in pixels, or None."""
        if size < self.facts.least_size:
            return f"{self.architecture} needs images of at least {self.facts.least_size} pixels, these have {size}"
        if size % self.facts.multiple:
            return f"{self.architecture} needs an edge that is a multiple of {self.facts.multiple}, not {size} pixels"
        return None

    @model_validator(mode="after")
    def _has_batch_norm(self) -> Self:
        if self.batch_norm == "frozen" and not self.facts.batch_norm:
            raise ValueError(f"batch_norm: {self.architecture} has no batch norm to freeze; leave the key out")
        return self
