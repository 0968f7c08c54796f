"""Settings of deep spectral clustering (Law et al. 2017, by its released code), and of its controls."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["Spectral"]


class Spectral(RunSettings):
    """The span of a batch's embeddings should hold the partition into classes; whitened scores beside the plain ones.

    Scores of every objective come plain and whitened, since whitening alone may be the gain: ``objective: triplet`` is
    the method ``triplet`` with random negatives and these scores.
    """

    levels: ClassVar[tuple[str, ...]] = ("whitened", "head", "head-whitened")
    diagnostics: ClassVar[tuple[str, ...]] = ("spectral-loss", "spectral-whitening")

    method: Literal["spectral"]

    objective: Literal["spectral", "softmax", "within-trace", "triplet"] = "spectral"
    """The loss: spectral; for control a linear classifier of the embeddings; the trace of the scatter within classes
    over the whole trace, without an inverse; or triplets with random negatives."""
    head: NonNegativeInt = 25
    """Outputs d of a linear layer without bias on the embedding that the loss is taken of; 0 for the embedding itself,
    always so for softmax and triplet. As many as a batch has classes leave no direction free."""
    cut: float = Field(1e-6, gt=0, lt=1)
    """Share of the largest singular value below which a direction counts as empty."""
    ridge: NonNegativeFloat = 0.0
    """λ over the mean squared length per dimension, for a projector that has an inverse everywhere; 0 for the cut."""
    gradient: Literal["exact", "released"] = "exact"
    """The gradient, or half of it as in the released code; the same to Adam."""
    centre: bool = False
    """Whether the batch's mean is taken away first; not in the released code."""
    whiten: bool = True
    """Whether whitened embeddings are scored too, by all training images at the end of each epoch: one more forward
    pass of them."""

    margin: PositiveFloat = 0.2
    """objective: triplet: on squared distances of unit vectors."""

    @model_validator(mode="before")
    @classmethod
    def _no_head(cls, values: Any) -> Any:
        """Without a head where the objective has none."""
        if isinstance(values, dict) and values.get("objective") in ("softmax", "triplet"):
            return {"head": 0} | values
        return values

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.head and self.objective in ("softmax", "triplet"):
            raise ValueError(f"head: {self.head} has no place in objective: {self.objective}; leave it out")
        if self.head == 1:
            raise ValueError("head: 1 direction tells no classes apart; set 2 or more, or 0 for the embedding itself")
        if self.objective != "spectral" and (self.ridge or self.centre or self.gradient == "released"):
            raise ValueError(
                f"ridge, centre and gradient have no effect on objective: {self.objective}; leave them out"
            )
        if self.ridge and self.gradient == "released":
            raise ValueError("gradient: released is that of the projector without ridge; set ridge: 0")
        return self
