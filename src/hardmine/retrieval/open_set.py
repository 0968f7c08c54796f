"""When a search has found nothing: thresholds for "no match", chosen on some classes and measured on others."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field, PositiveInt

from hardmine.settings.base import Settings

from .pairs import Pairs

__all__ = ["OpenSet", "Threshold", "choose_thresholds", "measure_threshold", "no_match"]

LEAST = 5
"""Searches that may match wrongly at a rate, at least: below that the rate cannot be told."""
_DRAWS = 1000


Share = Annotated[float, Field(ge=0, le=1)]
Similarity = Annotated[float, Field(ge=-1.1, le=1.1)]
"""A cosine; a threshold may lie above 1, where it lets nothing through."""


class OpenSet(Settings):
    """What a threshold did to the searches of some classes."""

    images: PositiveInt
    """How many there were."""
    threshold: Similarity
    """For so many images."""
    false_match: Share
    """Of searches for a class that was not there, those that were given a match."""
    no_match: Share | None
    """Of searches for a class that was there, those that were not; None where every class had one image."""
    right: Share | None
    """Of the same, those whose nearest image was of their class and a match."""


class Threshold(Settings):
    """A similarity from which on the nearest image of a search counts as a match."""

    rate: Share
    """The false-match rate it was chosen for: the share of searches for a class that is not among the images, for which
    an image is a match nevertheless."""
    value: Similarity
    """Among so many images as it was chosen on."""
    low: Similarity
    """Lower end of the 95 % interval of ``value``, over other classes that it might have been chosen on (bootstrap)."""
    high: Similarity
    """Upper end."""
    doubling: Share
    """What 1 - ``value`` is multiplied by for twice as many images."""
    images: PositiveInt
    """Among which it was chosen."""
    test: OpenSet | None = None
    """On classes that had no part in it."""

    def among(self, images: int) -> float:
        """The threshold for a search of so many images.

        Distances to the nearest of n points fall as a power of n, where these fill some dimensions evenly.
        """
        return 1 - (1 - self.value) * float(self.doubling ** np.log2(max(images, 1) / self.images))


def no_match(chosen_on: Pairs | None, measured_on: Pairs, rates: Sequence[float]) -> list[Threshold]:
    """Thresholds chosen on some classes and measured on others.

    Args:
        chosen_on: of validation classes; None where there are none, which gives no threshold.
        measured_on: of test classes.
        rates: wanted false-match rates.
    """
    found = choose_thresholds(chosen_on, rates) if chosen_on else []
    images = len(measured_on.labels)
    return [one.model_copy(update={"test": measure_threshold(one.among(images), measured_on)}) for one in found]


def choose_thresholds(pairs: Pairs, rates: Sequence[float]) -> list[Threshold]:
    """Thresholds for the rates that can be told: of so many searches at least five may match wrongly.

    Every image searches the images of the other classes, as if its own were not there.

    Args:
        pairs: of classes that nothing was trained on.
        rates: wanted false-match rates.
    """
    best = pairs.best_other
    if not np.isfinite(best).all():
        return []
    found = []
    for rate in rates:
        if rate * len(best) >= LEAST:
            low, high = _interval(best, pairs.labels, rate)
            doubling = _shrinkage(pairs.others, rate)
            found.append(
                Threshold(rate=rate, value=_lowest(best, rate), low=low, high=high, doubling=doubling, images=len(best))
            )
    return found


def measure_threshold(threshold: float, pairs: Pairs) -> OpenSet:
    """What a threshold does: each image searches all without its class, and all but itself."""
    best = pairs.best_other
    known = np.isfinite(pairs.own)
    found = known & (np.maximum(pairs.own, best) >= threshold)
    searches = int(known.sum())
    return OpenSet(
        images=len(best),
        threshold=threshold,
        false_match=float((best >= threshold).mean()),
        no_match=float((known & ~found).sum() / searches) if searches else None,
        right=float((found & (pairs.own >= best)).sum() / searches) if searches else None,
    )


def _lowest(best: np.ndarray, rate: float) -> float:
    """The lowest threshold that at most ``rate`` of the similarities reach."""
    return _above(float(np.sort(best)[::-1][int(rate * len(best) + 1e-9)]))


def _above(similarity: float) -> float:
    """The lowest threshold above a similarity, in six digits."""
    return float(np.floor(similarity * 1e6) + 1) / 1e6


def _interval(best: np.ndarray, labels: np.ndarray, rate: float) -> tuple[float, float]:
    """Classes are drawn again with replacement, all images of a class at once."""
    order = np.argsort(-best, kind="stable")
    classes = int(labels.max()) + 1
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(_DRAWS):
        weights = np.bincount(rng.integers(0, classes, classes), minlength=classes)[labels[order]]
        place = int(np.searchsorted(np.cumsum(weights), rate * weights.sum() + 1e-9, side="right"))
        drawn.append(_above(float(best[order[place]])))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _shrinkage(others: np.ndarray, rate: float) -> float:
    """Factor of 1 - threshold a doubling, from a quarter of the classes to all; 1 where these are too few to tell."""
    halvings = min(2, int(np.log2(others.shape[1])))
    if not halvings:
        return 1.0
    parts = np.split(others, 2**halvings, axis=1)
    few = sum(1 - _lowest(part.max(axis=1), rate) for part in parts) / len(parts)
    many = max(0.0, 1 - _lowest(others.max(axis=1), rate))
    return min(1.0, many / few) ** (1.0 / halvings) if few > 0 else 1.0
