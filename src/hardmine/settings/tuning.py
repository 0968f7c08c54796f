"""The search for settings before training: what a plan says of it."""

from typing import Literal

from pydantic import Field, PositiveInt

from .base import Settings
from .ranges import Range

__all__ = ["Tuning"]

RATE = "training.learning_rate"


class Tuning(Settings):
    """One budget for every run: so many trials of its settings, each judged on held-out training classes."""

    trials: int = Field(16, ge=1, le=4096)
    """Points of a run's search space that are tried; the first is the run's own settings."""
    folds: int = Field(3, ge=2, le=64)
    """Parts of the training classes; each is held out once in every trial."""
    seed: int = Field(0, ge=0, lt=2**20)
    """Of the points, of the folds and of the trials' trainings; never equal to a seed of the plan."""
    images: PositiveInt | None = None
    """Training images of each of a trial's trainings; those of the run's own training unless given."""
    rate_trials: int = Field(3, ge=0)
    """Of the trials so many, after the first, move the learning rate alone, so that it shows what that is worth."""
    rule: Literal["best", "one-standard-error"] = "best"
    """best: the highest mean over folds. one-standard-error: of the trials whose mean lies at most one standard error
    of the paired difference below it, the one nearest to the run's own settings."""
    batch: bool = True
    """Whether the shape of a batch is searched too, at equal images in all; each method says which shapes it has."""
    shared: dict[str, Range] = Field(
        {RATE: Range(low=0.1, high=10, relative=True, reason="moves every method most")}, min_length=1
    )
    """Keys of training that are searched for every run, beside those of its method."""

    def classes_left(self, classes: int) -> int:
        """Of so many training classes those that each training of a trial has at least, a fold being held out."""
        return classes - -(-classes // self.folds)
