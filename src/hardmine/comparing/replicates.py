"""Means, intervals and tests over replicates: trainings that differ in their seed and in the draw of classes.

Seeds of one draw share their classes, so that they are not independent: what is easier on these classes is so in all of
them. A draw therefore counts as one observation, the mean over its seeds, as soon as there are three draws.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hardmine.figures.tables import percent
from hardmine.retrieval.statistics import are_equal, half_width_of, paired_p, verdict_of

__all__ = ["LEAST_DRAWS", "Estimate", "Replicate", "differences", "estimate"]

LEAST_DRAWS = 3
"""From which on an interval speaks of other draws; two say next to nothing of how much draws differ."""
Replicate = tuple[str, int]
"""A draw of classes and a seed."""


@dataclass(frozen=True)
class Estimate:
    """A mean over replicates, every draw with equal weight.

    Attributes:
        mean: nan without a value.
        half_width: of the 95 % t-interval (nan where there is nothing to tell it from).
        p: of the t-test that the mean is 0 (nan likewise, and where nothing varies but the mean is not 0).
        over: what varies in interval and test. draws: the classes too (three draws or more). seeds: seeds alone, on the
            classes that were drawn.
        freedom: degrees of freedom of both.
        half_width_seeds: of the interval over seeds alone, whatever ``over`` says.
        draws: that have a value.
        replicates: that have one.
    """

    mean: float
    half_width: float
    p: float
    over: Literal["draws", "seeds"]
    freedom: int
    half_width_seeds: float
    draws: int
    replicates: int

    def verdict(self, p: float) -> str:
        """The word for it at a corrected p, as ``hardmine.retrieval.statistics.Comparison`` has them."""
        return verdict_of(self.freedom + 1 if self.replicates else 0, self.mean, p)

    def percent(self, signed: bool = False) -> str:
        """Mean and half width as tables have them, in percent or points."""
        return percent(100 * self.mean, 100 * self.half_width, signed=signed)


def estimate(values: Mapping[Replicate, float]) -> Estimate:
    """Mean, interval and test of values by replicate; values that are not finite count as missing.

    With three draws or more: the t-interval of the draws' means, exact for any variance between draws, none included.
    With fewer: the mean over these draws, with the variance of seeds within them; for one draw the paired t-test.
    """
    by_draw: dict[str, list[float]] = {}
    for (draw, _), value in values.items():
        if math.isfinite(value):
            by_draw.setdefault(draw, []).append(value)
    parts = [np.array(part, dtype=np.float64) for part in by_draw.values()]
    if not parts:
        return Estimate(math.nan, math.nan, math.nan, "seeds", 0, math.nan, 0, 0)
    means = np.array([part.mean() for part in parts])
    half, p, freedom = _within(parts, float(means.mean()))
    counts = len(parts), sum(map(len, parts))
    if len(parts) < LEAST_DRAWS:
        return Estimate(float(means.mean()), half, p, "seeds", freedom, half, *counts)
    between = half_width_of(means), paired_p(means)
    return Estimate(float(means.mean()), *between, "draws", len(means) - 1, half, *counts)


def differences(values: Mapping[Replicate, float], others: Mapping[Replicate, float]) -> dict[Replicate, float]:
    """Values minus others, over the replicates that both have."""
    return {key: values[key] - others[key] for key in values if key in others}


def _within(parts: list[np.ndarray], mean: float) -> tuple[float, float, int]:
    """Half width, p and degrees of freedom where draws are fixed and seeds vary, with one variance in all draws."""
    freedom = sum(len(part) - 1 for part in parts)
    if freedom == 0:
        return math.nan, math.nan, 0
    if all(are_equal(part) for part in parts):
        return 0.0, 1.0 if are_equal([0.0, mean]) else math.nan, freedom
    from scipy.stats import t

    variance = sum(float(((part - part.mean()) ** 2).sum()) for part in parts) / freedom
    error = math.sqrt(variance * sum(1 / len(part) for part in parts)) / len(parts)
    return float(t.ppf(0.975, freedom)) * error, 2 * float(t.sf(abs(mean) / error, freedom)), freedom
