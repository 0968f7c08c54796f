"""Settings of the facility-location loss (Song et al. 2017), and of its controls."""

from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["FacilityLocation"]


class FacilityLocation(RunSettings):
    """The best clustering of a batch by medoids must not beat the clustering by its classes."""

    diagnostics: ClassVar[tuple[str, ...]] = ("facility-location-search",)

    method: Literal["facility-location"]

    distance: Literal["l2", "squared"] = "l2"
    """Of unit vectors: Euclidean, or its square."""
    gamma: NonNegativeFloat = 1.0
    """Weight of the margin for each image of a batch: on sums of distances it is this times the batch; 0 leaves
    medoids against classes."""
    gamma_decay: float = Field(1.0, gt=0, le=1)
    """Factor on ``gamma`` from each epoch to the next."""
    margin: Literal["nmi", "zero-one", "constant"] = "nmi"
    """How wrong a clustering is: 1 - NMI with the geometric mean of the entropies; 1 unless it is the classes; or
    always 1."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over the images of a batch; the sum is as released."""

    medoids: Literal["search", "random"] = "search"
    """Where the medoids come from: greedily, then refined; or drawn at random."""
    refine_rounds: NonNegativeInt = 5
    """Rounds of refinement; fewer where medoids repeat. 0 for the greedy ones."""
    warm: bool = True
    """Refine from the classes' own medoids too, and keep the better; false is as released."""

    push: Literal["medoids", "contrastive"] = "medoids"
    """What stands against the pull to the own class's medoid: the medoids that were found, or, for control, a push
    between the images of different classes."""
    push_margin: PositiveFloat = 1.0
    """push: contrastive: the distance within which images of different classes are pushed apart."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.medoids == "random" and self.changed("refine_rounds", "warm"):
            raise ValueError("medoids: random is not searched; leave out refine_rounds and warm")
        if self.push == "contrastive" and self.changed("medoids", "gamma", "margin"):
            raise ValueError("push: contrastive uses no medoids but the classes'; leave out medoids, gamma and margin")
        if self.margin != "nmi" and not self.gamma:
            raise ValueError("margin has no effect with gamma: 0; set gamma above 0, or leave margin out")
        return self
