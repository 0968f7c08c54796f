"""How a network is trained: what every method shares."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from .base import Settings, overrides_of

__all__ = ["Augmentation", "Batch", "Training", "TrainingOverrides"]


class Batch(Settings):
    """The shape of a class-balanced batch."""

    classes: PositiveInt = 25
    """Classes in a batch."""
    images_per_class: int = Field(4, ge=2)
    """Images of each class in a batch."""


class Augmentation(Settings):
    """Random changes of training images, made on the device."""

    shift: int = Field(2, ge=0)
    """Largest shift in pixels, in both directions."""
    mirror: bool = False
    """Mirror half of the images left to right."""
    crop: int = Field(0, ge=0, exclude_if=lambda value: value == 0)
    """Edge of the square cut out for the network: anywhere in training, the middle in testing; 0 for the whole."""


class Training(Settings):
    """The budget, the optimiser and the batches."""

    images: PositiveInt = 24000
    """Training images seen in all, repeats counted."""
    batch: Batch = Batch()
    """Shape of a batch; methods with a batch of their own say so."""
    augmentation: Augmentation = Augmentation()
    """Random changes of the images."""
    split: Literal["train", "warm"] = "train"
    """Which images to train on: the training classes, or the classes kept for warm starts."""
    optimiser: Literal["adam", "sgd"] = "adam"
    """Adam, or SGD with momentum 0.9."""
    learning_rate: PositiveFloat = 0.001
    """Of the network, at the start."""
    weight_decay: float = Field(0.0, ge=0)
    """L2 penalty of the optimiser."""
    schedule: Literal["constant", "cosine", "halve-every-3-epochs", "steps"] = "cosine"
    """How the learning rate falls over training."""
    drop_at: tuple[PositiveInt, ...] = Field((), exclude_if=lambda value: not value)
    """schedule: steps: the steps from which on the learning rate is lower, ascending."""
    drop_factor: float = Field(0.1, gt=0, lt=1, exclude_if=lambda value: value == 0.1)
    """schedule: steps: factor on the learning rate at each of them."""
    gradient_clip: float = Field(0.0, ge=0)
    """Largest norm of the gradient; 0 for no limit."""
    validate_epochs: PositiveInt = 1
    """Embed the validation classes every so many epochs (and at the end)."""
    checkpoint_seconds: float = Field(20.0, ge=0, exclude=True)
    """Seconds between checkpoints; 0 for one after every step. Does not change the result."""
    precision: Literal["float32", "bf16"] = "float32"
    """Of the forward pass; bf16 is faster where the processor has it and changes the result."""

    @model_validator(mode="after")
    def _drops_and_schedule(self) -> Self:
        if (self.schedule == "steps") != bool(self.drop_at):
            raise ValueError("drop_at and schedule: steps need each other")
        if list(self.drop_at) != sorted(set(self.drop_at)):
            raise ValueError(f"drop_at: {list(self.drop_at)} must rise")
        return self


if TYPE_CHECKING:
    TrainingOverrides = Training
else:
    TrainingOverrides = overrides_of(Training)
