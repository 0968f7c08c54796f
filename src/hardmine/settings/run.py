"""What the settings of every run share."""

from typing import ClassVar, Self

from pydantic import Field

from .backbones import BackboneOverrides
from .base import Settings
from .ranges import Range
from .training import TrainingOverrides

__all__ = ["RunSettings"]


class RunSettings(Settings):
    """A named run of a plan: a method and what it overrides."""

    levels: ClassVar[tuple[str, ...]] = ()
    """Names of embeddings beside the final one."""
    test_time: ClassVar[frozenset[str]] = frozenset()
    """Keys that matter to the embedding of images only, not to training."""
    diagnostics: ClassVar[tuple[str, ...]] = ()
    """Names of figures of the method's own in the report; ``figures.py`` of its folder draws them."""

    in_parts: ClassVar[bool] = True
    """Whether a batch may go through the network in parts (``training.forward_images``)."""

    trains: ClassVar[bool] = True
    """Whether there is anything to train, and so to tune."""

    method: str
    """The method."""
    backbone: BackboneOverrides = Field(default_factory=dict)
    """Keys of the plan's backbone that this run changes; with another name, keys of that family."""
    training: TrainingOverrides = TrainingOverrides()
    """Keys of the plan's training that this run changes."""
    weights: str = Field("none", pattern=r"^(none|run/[a-z0-9][a-z0-9-]*)$")
    """Where the network starts: none (random), or run/<name> for another run of this plan, seed by seed."""
    tune: dict[str, Range] | None = None
    """Keys of the method that tuning searches, instead of those that the method names; {} for none of its own."""
    like: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Another run whose tuned values this run takes, as far as it has their keys, instead of a search of its own."""
    control: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9-]*$")
    """The run that differs from this one in what is claimed to help alone; ``hardmine compare`` shows the gain over it,
    and nothing else reads the key."""
    base_run: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9-]*$")
    """The run of the loss that this method builds on, without the method; ``hardmine compare`` shows the gain over it,
    and nothing else reads the key."""

    def started_from(self, origin: "RunSettings | None") -> Self:
        """The settings as they come out where a run starts from another's weights, or from none: what a record tells.

        Args:
            origin: the run that ``weights`` names, None where it names none.
        """
        return self

    def own(self, for_training: bool = False) -> dict[str, object]:
        """The keys of the method itself, for training without those that matter later."""
        hidden = set(RunSettings.model_fields) - {"method"}
        if for_training:
            hidden |= self.test_time
        return self.model_dump(mode="json", exclude=hidden)
