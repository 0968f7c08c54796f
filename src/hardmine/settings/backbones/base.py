"""What all network families have in common."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from hardmine.errors import nearest
from hardmine.settings.base import Settings

__all__ = ["BackboneSettings", "BatchNorm", "Weights", "WeightsFile"]

Weights = Literal["none", "imagenet"]
BatchNorm = Literal["train", "frozen"]
_FREE: dict[str, Any] = {"exclude_if": lambda value: value in (1.0, "train")}


@dataclass(frozen=True)
class WeightsFile:
    """A file of published weights.

    Attributes:
        folder: where it lies once downloaded.
        name: of the file, there and on a mirror.
        urls: official addresses; empty where only a mirror has it.
        sha256: digest in hexadecimal, or its first digits where the publisher names no more; None where unknown.
        licence: terms of use in one sentence.
    """

    folder: str
    name: str
    urls: tuple[str, ...]
    sha256: str | None
    licence: str

    @property
    def path(self) -> str:
        """Of the downloaded file, relative to the project."""
        return f"{self.folder}/{self.name}"


class BackboneSettings(Settings):
    """What the pipeline asks of any network family."""

    least_size: ClassVar[int] = 32
    """Smallest edge of an image in pixels."""

    name: str
    """The family."""
    embedding: PositiveInt = 64
    """Dimensions of the embedding."""
    tap: str = "deepest"
    """Depth whose map is pooled for the embedding; hdc has heads of its own."""
    pooling: Literal["average", "second-order"] = "average"
    """How the map becomes a vector: its average, or second-order statistics of its channels."""
    trunk_rate: float = Field(1.0, ge=0, **_FREE)
    """Factor on the learning rate of the trunk, on top of what the method gives it; 0 leaves it as it starts."""

    @property
    def tap_names(self) -> tuple[str, ...]:
        """The taps there are, shallow to deep; empty where only the built network knows."""
        return ()

    @property
    def weights_file(self) -> WeightsFile | None:
        """The published weights that the settings ask for."""
        return None

    @property
    def seen(self) -> str | None:
        """A sentence where classes of the test may have been among the published weights' training images."""
        return None

    def size_fault(self, size: int) -> str | None:
        """What is wrong with images of this edge in pixels, or None."""
        if size < self.least_size:
            return f"{self.name} needs images of at least {self.least_size} pixels, these have {size}"
        return None

    @model_validator(mode="after")
    def _tap_exists(self) -> Self:
        if self.tap_names and self.tap not in ("deepest", *self.tap_names):
            allowed = ("deepest", *self.tap_names)
            raise ValueError(
                f"tap: '{self.tap}' is not allowed{nearest(self.tap, allowed)}; allowed: {', '.join(allowed)}"
            )
        return self
