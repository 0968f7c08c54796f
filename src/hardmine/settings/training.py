"""How a network is trained: what every method shares."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from .base import Settings, overrides_of

__all__ = ["Augmentation", "Batch", "Training", "TrainingOverrides"]


class Batch(Settings):
    """The shape of a class-balanced batch."""

    classes: int = Field(25, ge=2)
    """Classes in a batch; one alone has no image of another class to be told from."""
    images_per_class: int = Field(4, ge=2)
    """Images of each class in a batch."""


_RATIO = (3 / 4, 4 / 3)
Share = Annotated[float, Field(gt=0, le=1)]
Strength = Annotated[float, Field(ge=0, le=1, exclude_if=lambda value: value == 0)]


class Augmentation(Settings):
    """Random changes of training images, made on the device."""

    shift: int = Field(2, ge=0)
    """Largest shift in pixels, in both directions."""
    mirror: bool = False
    """Mirror half of the images left to right."""
    crop: int = Field(0, ge=0, exclude_if=lambda value: value == 0)
    """Edge of the square cut out for the network: anywhere in training, the middle in testing; 0 for the whole."""
    crop_scale: tuple[Share, Share] | None = Field(None, exclude_if=lambda value: value is None)
    """Random resized crops: least and largest share of the image's area that is cut out and brought to ``crop``."""
    crop_ratio: tuple[PositiveFloat, PositiveFloat] = Field(
        (3 / 4, 4 / 3), exclude_if=lambda value: value == (3 / 4, 4 / 3)
    )
    """Least and largest width over height of these cuts."""
    brightness: Strength = 0.0
    """Factors from 1 - this to 1 + this, one an image."""
    contrast: Strength = 0.0
    """The same, about the image's mean luma."""
    saturation: Strength = 0.0
    """The same, about grey."""
    hue: float = Field(0.0, ge=0, le=0.5, exclude_if=lambda value: value == 0)
    """Largest turn of the hues, as a share of the whole circle."""
    grey: float = Field(0.0, ge=0, le=1, exclude_if=lambda value: value == 0)
    """Share of the images made grey."""
    erasing: float = Field(0.0, ge=0, le=1, exclude_if=lambda value: value == 0)
    """Share of the images of which a box is made middle grey."""

    @property
    def recolours(self) -> bool:
        """Whether colours are changed."""
        return any((self.brightness, self.contrast, self.saturation, self.hue, self.grey))

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for name in ("crop_scale", "crop_ratio"):
            bounds = getattr(self, name)
            if bounds is not None and bounds[0] > bounds[1]:
                raise ValueError(f"{name}: {list(bounds)} falls; write the least first: {list(bounds[::-1])}")
        if self.crop_scale is not None and (not self.crop or self.shift):
            raise ValueError("crop_scale needs crop, the edge that cuts are brought to, and shift: 0")
        if self.crop_scale is None and self.crop_ratio != type(self).model_fields["crop_ratio"].default:
            raise ValueError("crop_ratio is that of the cuts of crop_scale, and has no effect without it")
        return self


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
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    """Adam, AdamW (weight decay apart from the gradient), or SGD with momentum 0.9."""
    learning_rate: PositiveFloat = 0.001
    """Of the network, after the warm-up."""
    head_rate: PositiveFloat = 1.0
    """Factor on the learning rate of the new layers over the trunk, the same for every method."""
    layer_decay: float = Field(1.0, gt=0, le=1, exclude_if=lambda value: value == 1)
    """Factor on the learning rate from each layer of the trunk to the next shallower one, for transformers."""
    warmup_steps: int = Field(0, ge=0)
    """Steps over which the learning rate rises from 0."""
    weight_decay: float = Field(0.0, ge=0)
    """L2 penalty of the optimiser, on weights of two dimensions and more."""
    decay_norms_and_biases: bool = Field(False, exclude_if=lambda value: value is False)
    """Whether the penalty covers scales and shifts of norms, and biases, too."""
    forward_images: int = Field(0, ge=0, exclude_if=lambda value: value == 0)
    """Largest number of images in a forward pass; a larger batch goes through twice, in parts of this size, with the
    gradient of the whole. 0 for the whole batch at once."""
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
        factor = type(self).model_fields["drop_factor"].default
        if (
            "drop_at" not in self.model_fields_set and self.drop_factor != factor
        ):  # a run may write its plan's drops off
            raise ValueError("drop_factor is that of schedule: steps, and has no effect without it")
        if list(self.drop_at) != sorted(set(self.drop_at)):
            raise ValueError(f"drop_at: {list(self.drop_at)} must rise")
        return self


if TYPE_CHECKING:
    TrainingOverrides = Training
else:
    TrainingOverrides = overrides_of(Training)
