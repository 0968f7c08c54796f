"""Where differences and their intervals lie in a drawing: one line an answer, else one a gain."""

import math
from collections.abc import Iterator
from typing import Any

from .replicates import Estimate
from .table import Comparison

__all__ = ["forest"]

LEFT, RIGHT, STEP, TOP = 10, 590, 46, 26
"""Of the drawing, 600 wide, in its own units."""


def forest(comparison: Comparison) -> dict[str, Any]:
    """The lines of a forest plot in points of percent; none where nothing can be drawn.

    Returns:
        ``height``, ``zero`` (where no difference lies), ``ticks`` (x, text) and ``lines``: words, interval, the places
        of the mean and of the ends of the interval, and the class of the verdict.
    """
    drawn = [one for one in _differences(comparison) if math.isfinite(one[2].mean)]
    if not drawn:
        return {"lines": []}
    ends = [100 * (one.mean + sign * _half(one)) for *_, one in drawn for sign in (-1, 1)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = 0.04 * (high - low or 1)
    low, high = low - room, high + room

    def place(points: float) -> float:
        return round(LEFT + (points - low) / (high - low) * (RIGHT - LEFT), 1)

    lines = []
    for number, (words, kind, one) in enumerate(drawn):
        mean, half = 100 * one.mean, 100 * _half(one)
        spots = {"at": place(mean), "low": place(mean - half), "high": place(mean + half)}
        value = f"{mean:+.1f}" + (f" ± {half:.1f}" if half else "")
        lines.append({"words": words, "kind": kind, "value": value, "y": TOP + STEP * number, **spots})
    step = _step(high - low)
    marks = [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return {
        "height": TOP + STEP * len(lines) + 16,
        "zero": place(0),
        "ticks": [(place(mark), f"{mark:+g}" if mark else "0") for mark in marks],
        "lines": lines,
    }


def _differences(comparison: Comparison) -> Iterator[tuple[str, str, Estimate]]:
    """Words, class and estimate of each answer; of the gains over controls and bases where nothing was asked."""
    for answer in comparison.answers:
        yield f"{answer.run} minus {answer.against}, {answer.dataset}", answer.verdict, answer.estimate
    for row in () if comparison.answers else comparison.rows:
        for gain in filter(None, (row.over_control, row.over_base)):
            yield f"{row.run} minus {gain.over}, {row.dataset}", "", gain.estimate


def _half(one: Estimate) -> float:
    return one.half_width if math.isfinite(one.half_width) else 0.0


def _step(span: float) -> float:
    """A round distance between marks, of which some five fit."""
    unit = 10.0 ** math.floor(math.log10(span / 5))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= span / 5)
