"""Settings of the adapted triplet loss (Yu et al. 2018, as third-party code has it), and of its controls."""

from typing import ClassVar, Literal, Self

from pydantic import NonNegativeFloat, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["AdaptedTriplet"]


class AdaptedTriplet(RunSettings):
    """Selected triplets, and a penalty on how far the selected images are from their class as a whole."""

    diagnostics: ClassVar[tuple[str, ...]] = ("adapted-triplet-shift",)

    method: Literal["adapted-triplet"]

    selection: Literal["hard", "semihard", "random"] = "hard"
    """Triplets of a batch: the farthest positive and nearest negative of each anchor, all semi-hard ones, or every
    positive pair with a random negative."""
    margin: NonNegativeFloat = 0.2
    """Of the triplet loss, on ``distance``."""
    distance: Literal["squared", "l2"] = "squared"
    """Of the triplet loss; the third-party code has l2."""
    normalise: bool = True
    """Whether embeddings are brought to length 1 before everything; the third-party code does not."""
    triplet_mean: Literal["all", "violating"] = "all"
    """Mean over the selected triplets, or over those that violate the margin, as for the method triplet."""

    penalty: Literal["selection", "placebo", "centre"] = "selection"
    """What is added: the shift of the selected images; for control the shift of as many images drawn at random in
    each class; or, for control, the mean distance of images to the mean of their class."""
    weight: NonNegativeFloat = 1.0
    """λ: of the penalty."""
    penalty_gradient: bool = True
    """Whether the penalty has a gradient; in the third-party code it has none, so that the weight changes nothing."""
    members: Literal["pn", "apn"] = "pn"
    """Which images count as selected: positives and negatives, or anchors too."""
    scope: Literal["class", "global"] = "class"
    """Means by class, or one mean over all."""
    norm: Literal["l2", "squared"] = "l2"
    """Of the shift of a mean."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over the classes with selected images; the third-party code sums."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        given = self.changed("members", "scope", "norm", "reduction")
        if self.penalty == "centre" and given:
            raise ValueError(f"penalty: centre has no selected images; leave out {', '.join(given)}")
        return self
