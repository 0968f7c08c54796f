"""What is too large to measure whole: measured at growing sizes, the rest by the power law of the last two."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Grown", "grow", "power_law"]

FIRST = 8
"""The first size is this part of the whole."""
STEEPEST = 3.0
"""Largest exponent: nothing here grows faster than with the cube."""


@dataclass(frozen=True)
class Grown:
    """A measurement at full size.

    Attributes:
        values: what was measured, by name.
        sizes: at which sizes; the full one alone where it was measured itself, else two from which it follows.
    """

    values: dict[str, float]
    sizes: tuple[int, ...]

    def said(self, full: int) -> str:
        """Where the values come from, nothing where they were measured at full size."""
        if self.sizes[-1] >= full:
            return ""
        return f"extrapolated from {' and '.join(f'{size:,}' for size in self.sizes)} of {full:,} images"


def grow(
    work: Callable[[int], Mapping[str, float]],
    full: int,
    limit: float,
    least: int = 2000,
    parts: Sequence[str] = ("seconds",),
) -> Grown:
    """Measure at an eighth of the size, twice that, and so on; at full size as soon as that will keep to the limit.

    Args:
        work: measures at a size.
        full: the size asked for.
        limit: seconds that one measurement may take.
        least: up to this size everything is measured at once.
        parts: names of the values that are seconds, each with a power law of its own; their sum is held to the limit.
    """

    def seconds(values: Mapping[str, float]) -> float:
        return sum(values[name] for name in parts)

    if full <= least:
        return Grown(dict(work(full)), (full,))
    size = max(least // 2, full // FIRST)
    found = [(size, dict(work(size)))]
    if seconds(found[0][1]) * (full / size) ** 2 <= limit:
        return Grown(dict(work(full)), (full,))
    while True:
        size = min(2 * size, full)
        found.append((size, dict(work(size))))
        if size == full:
            return Grown(found[-1][1], (full,))
        predicted = _at(found, full)
        if seconds(predicted) <= limit:
            return Grown(dict(work(full)), (full,))
        if seconds(_at(found, min(2 * size, full))) > limit:
            return Grown(predicted, (found[-2][0], found[-1][0]))


def power_law(small: tuple[float, float], large: tuple[float, float], size: float) -> float:
    """The value at a size of c·sizeᵉ through two measured ones; the larger's where there is none.

    Args:
        small: a size and its value.
        large: a larger size and its value.
        size: where to.
    """
    (first, low), (second, high) = small, large
    if low <= 0 or high <= 0 or second <= first:
        return high
    exponent = min(STEEPEST, max(0.0, math.log(high / low) / math.log(second / first)))
    return float(high * (size / second) ** exponent)


def _at(found: list[tuple[int, dict[str, float]]], size: int) -> dict[str, float]:
    (first, low), (second, high) = found[-2:]
    return {name: power_law((first, low[name]), (second, high[name]), size) for name in high}
