"""What is measured."""

from typing import Literal

from pydantic import Field, PositiveInt, field_validator

from .base import Settings

__all__ = ["Evaluation"]


class Evaluation(Settings):
    """Metrics and the rule by which a checkpoint is chosen."""

    recall_at: tuple[PositiveInt, ...] = Field((1, 2, 4, 8), min_length=1)
    """The k of recall at k, ascending; the first is the one that runs are compared by."""

    @field_validator("recall_at")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(value)))

    protocol: Literal["fair", "paper"] = "fair"
    """fair: the epoch best by map@r on validation classes; paper: the last epoch."""
    neighbours: PositiveInt = 10
    """Neighbours kept for the gallery of the report."""
    clustering_restarts: PositiveInt = 3
    """Starts of k-means (the best by its own objective counts), with fixed seeds."""
