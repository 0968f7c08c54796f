"""Settings of timm's networks."""

from typing import ClassVar, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from .base import BackboneSettings, BatchNorm, Weights, WeightsFile
from .web_scale import seen_in_pretraining

__all__ = ["Timm"]


class Timm(BackboneSettings):
    """Any image network of timm, an optional package."""

    least_size: ClassVar[int] = 32

    name: Literal["timm"]
    """The family."""
    architecture: str = Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?$")
    """timm's name of the network, with the tag of its weights after a point, such as resnet18.a1_in1k."""
    embedding: PositiveInt = 128
    """Dimensions of the embedding."""
    weights: Weights = "imagenet"
    """Where the trunk starts: none (random), or imagenet (the published weights that the tag names)."""
    batch_norm: BatchNorm = Field("train", exclude_if=lambda value: value == "train")
    """train, or frozen: running statistics, scales and shifts stay as they start, in training too."""

    @property
    def weights_file(self) -> WeightsFile | None:
        """The file of the tag on the hub."""
        if self.weights == "none":
            return None
        return WeightsFile(
            folder=f"data/raw/weights/timm-{self.architecture}",
            name=f"{self.architecture}.safetensors",
            urls=(f"https://huggingface.co/timm/{self.architecture}/resolve/main/model.safetensors",),
            sha256=None,
            licence=f"stated on the model's card, https://huggingface.co/timm/{self.architecture}",
        )

    @property
    def seen(self) -> str | None:
        """By what the tag and the architecture name."""
        return None if self.weights == "none" else seen_in_pretraining(self.architecture)

    @model_validator(mode="after")
    def _weights_are_named(self) -> Self:
        if self.weights == "imagenet" and "." not in self.architecture:
            raise ValueError(
                f"architecture: '{self.architecture}' names no weights; write a tag after a point, such as "
                "resnet18.a1_in1k, or set weights: none"
            )
        return self
