"""What is measured."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, field_validator

from .base import Settings

__all__ = ["Evaluation", "Protocol"]

Protocol = Literal["all-against-rest", "query-gallery", "one-gallery-image", "one-query-image"]
"""Who searches whom on the test split. all-against-rest: every image all others. query-gallery: the official queries
the official gallery. one-gallery-image: a gallery of one image a class, drawn several times, searched by all other
images. one-query-image: the roles of the last swapped."""


class Evaluation(Settings):
    """Metrics and the rule by which a checkpoint is chosen."""

    recall_at: tuple[PositiveInt, ...] = Field((1, 2, 4, 8), min_length=1)
    """The k of recall at k, ascending; the first is the one that runs are compared by."""

    @field_validator("recall_at")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(value)))

    @field_validator("protocols")
    @classmethod
    def _once_each(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"{', '.join(value)}: a protocol stands twice")
        return value

    protocol: Literal["fair", "paper"] = "fair"
    """fair: the epoch best by map@r on validation classes; paper: the last epoch."""
    neighbours: PositiveInt = 10
    """Neighbours kept for the gallery of the report."""
    protocols: tuple[Protocol, ...] = Field((), exclude_if=lambda value: not value)
    """Who searches whom on the test split; empty for what is usual on the data set. A metric that several of them
    measure counts under the first."""
    draws: PositiveInt = Field(10, exclude_if=lambda value: value == 10)
    """Galleries drawn by one-gallery-image and one-query-image, with fixed seeds; their mean counts."""
    false_match_rates: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (0.1, 0.05, 0.01), exclude_if=lambda value: value == (0.1, 0.05, 0.01)
    )
    """Shares of searches for something that is not there that may be given a match: for each a threshold of "no match"
    is chosen on validation classes and measured on test classes, where enough images are there to tell."""
    pair_images: int = Field(10_000, ge=2, exclude_if=lambda value: value == 10_000)
    """Images of a split, in whole classes drawn with a fixed seed, whose pairs are measured: false non-match rates,
    consistency of thresholds, "no match"."""
    clustering_restarts: PositiveInt = 3
    """Starts of k-means (the best by its own objective counts), with fixed seeds."""
