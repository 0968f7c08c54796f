"""Settings of PDDM, the position-dependent deep metric (Huang et al. 2016), and of its controls."""

from typing import ClassVar, Literal, Self

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["PDDM"]


class PDDM(RunSettings):
    """A small network scores pairs by difference and position; its scores pick quadruplets that train it and the
    embedding.
    """

    diagnostics: ClassVar[tuple[str, ...]] = ("pddm-scores", "pddm-picks")

    method: Literal["pddm"]

    quadruplets: Literal["one", "per-class", "per-pair"] = "per-class"
    """Quadruplets a batch: the least similar positive pair of the batch (the paper), that of each class, or every
    positive pair; each with the most similar negative of either end."""
    picks: Literal["scores", "distances", "random"] = "scores"
    """What similarity is to the choice: the unit's score, the negative squared distance, or chance. The latter two are
    controls."""
    position: Literal["mean", "none", "shuffled"] = "mean"
    """What the unit knows of where a pair lies: the mean vector, nothing, or another pair's mean vector. The latter two
    are controls."""
    warmup_epochs: NonNegativeInt = 1
    """Epochs at the start whose quadruplets ``warmup_picks`` chooses, since an untrained unit chooses blindly; the loss
    on scores trains the unit alone meanwhile."""
    warmup_picks: Literal["random", "distances"] = "random"
    """What similarity is to the choice in these epochs."""
    score_weight: NonNegativeFloat = 1.0
    """Of the loss on scores; 0 leaves the unit untrained."""
    score_margin: PositiveFloat = 0.5
    """alpha, on scores."""
    score_gradient: bool = True
    """Whether the loss on scores reaches the embedding; else it trains the unit alone, a control."""
    distance_weight: NonNegativeFloat = 1.0
    """lambda, of the loss on squared distances."""
    distance_margin: PositiveFloat = 1.0
    """beta, on squared distances of unit vectors."""
    unit_decay: NonNegativeFloat = 0.0005
    """gamma: the optimiser adds 2·gamma·W to the gradient of the unit's matrices."""
    unit_rate: PositiveFloat = 1.0
    """Learning rate of the unit as a multiple of the network's."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.picks == "scores" and not self.score_weight:
            raise ValueError(
                "picks: scores needs a trained unit; set score_weight above 0, or picks: distances for none at all"
            )
        if not self.distance_weight and not (self.score_weight and self.score_gradient):
            raise ValueError(
                "distance_weight: 0 leaves the embedding untrained; set it above 0, or score_weight above 0 with "
                "score_gradient: true"
            )
        return self
