"""Settings of methods that train on pairs or triplets of a sampler of their own; never imports torch."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["IMAGES_PER_TUPLE", "TupleSettings", "given_of"]

IMAGES_PER_TUPLE = {"npair": 2, "triplet": 3}


class TupleSettings(RunSettings):
    """A base loss on tuples of images, and the head that it sees.

    The batch is the method's own: ``batch_size`` images. ``training.batch`` plays no part.
    """

    in_parts: ClassVar[bool] = False

    base_loss: Literal["npair", "triplet"] = "npair"
    """The metric loss: one positive against those of all other classes, or one negative a pair; both not normalised."""
    batch_size: PositiveInt = 128
    """Images in a batch: two a tuple for npair, three for triplet (120 unless given)."""
    batches: Literal["covering", "independent"] = "covering"
    """Every image once an epoch, or every batch drawn afresh as in the released codes."""
    l2: NonNegativeFloat = 0.003
    """Weight r of the N-pair term (r/4)·(mean |a|² + mean |p|²)."""
    margin: PositiveFloat = 1.0
    """Of the triplet loss, on squared distances of vectors that are not normalised."""
    head_start: PositiveFloat = 1.0
    """Factor on the linear layer's Glorot weights at the start. At 1 the N-pair scores begin tens to hundreds
    apart, and the first part of a short training is spent on shrinking them."""
    batch_norm_momentum: float = Field(0.01, gt=0, le=1)
    """Share of the newest batch in the running statistics of the head; a few hundred steps need more than 0.01."""

    @model_validator(mode="after")
    def _tuples_fit(self) -> Self:
        if self.training.batch is not None:
            raise ValueError(f"training.batch has no effect on {self.method}; set batch_size instead")
        size, least = IMAGES_PER_TUPLE[self.base_loss], self.smallest_batch
        if self.batch_size % size:
            below = self.batch_size - self.batch_size % size
            fitting = f"{below} or {below + size}" if below >= least else str(least)
            raise ValueError(
                f"batch_size: {self.batch_size} is not a multiple of {size}, the images of a tuple of "
                f"{self.base_loss}; use {fitting}"
            )
        if self.batch_size < least:
            raise ValueError(
                f"batch_size: {self.batch_size} gives no negatives for {self.base_loss}; use at least {least}"
            )
        return self

    @property
    def tuples(self) -> int:
        """n: anchors in a batch."""
        return self.batch_size // IMAGES_PER_TUPLE[self.base_loss]

    @property
    def smallest_batch(self) -> int:
        """The smallest batch with a negative and statistics of a batch."""
        return {"npair": 4, "triplet": 3}[self.base_loss]


def given_of(values: dict[str, Any]) -> dict[str, Any]:
    """The keys that a run gives; null counts as not given."""
    return {key: value for key, value in values.items() if value is not None}
