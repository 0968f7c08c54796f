"""Settings of the quadruplet loss with margins that set themselves (Chen et al. 2017), and of its controls."""

from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["Quadruplet"]


class Quadruplet(RunSettings):
    """Triplets, and a weaker push between a positive pair and a negative pair that share no image."""

    diagnostics: ClassVar[tuple[str, ...]] = ("quadruplet-margins", "quadruplet-violating")

    method: Literal["quadruplet"]

    metric: Literal["euclidean", "learned"] = "euclidean"
    """How a pair is scored by g in [0, 1]: half its distance, or a small network on both embeddings, the mean over
    their two orders. Images are found by the embedding in either case."""
    metric_rate: PositiveFloat = 1.0
    """Learning rate of the learned metric as a multiple of the network's."""
    margins: Literal["adaptive", "fixed"] = "adaptive"
    """On g²: ``factors`` times the difference of the batch's means over negative and positive pairs, or the
    ``fixed_margins`` throughout."""
    factors: tuple[NonNegativeFloat, NonNegativeFloat] = (1.0, 0.5)
    """w of the adaptive margins: of the triplets, and of the pairs that share no image."""
    fixed_margins: tuple[NonNegativeFloat, NonNegativeFloat] = (1.0, 0.5)
    """Margins of both terms where, or while, they are fixed."""
    fixed_share: float = Field(0.1, ge=0, lt=1)
    """Share of the steps at the start with fixed margins, before adaptive ones mean something."""
    margin_gradient: bool = False
    """Whether the adaptive margins are differentiated too; on, the loss of violating triplets all but cancels."""
    second_term: Literal["pairs", "triplets", "none"] = "pairs"
    """What stands beside the triplets: positive pairs against negative pairs of two further classes; the triplets once
    more with the second margin; or nothing. The latter two are controls."""
    tuples: Literal["all", "hardest"] = "all"
    """Every tuple of a batch, or the widest positive pair against the closest negative pair of the whole batch."""
    reduction: Literal["violating", "sum"] = "violating"
    """Each term's mean over the tuples that violate the margin, or their sum."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.tuples == "hardest" and self.second_term != "none":
            raise ValueError("tuples: hardest has one term; set second_term: none")
        if self.margins == "fixed" and self.margin_gradient:
            raise ValueError("margin_gradient: fixed margins have no gradient; set margins: adaptive, or leave it out")
        return self
