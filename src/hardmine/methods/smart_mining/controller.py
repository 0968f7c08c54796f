"""The scale of the exclusion sphere over the epochs: Smart Mining's linear controller, and a plain schedule."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["Controller", "Proposal", "error_ceiling", "scheduled_scale"]


@dataclass(frozen=True)
class Proposal:
    """What the controller proposes.

    Attributes:
        kappa: scale of the sphere, clamped.
        slope: alpha of kappa = alpha · error + beta.
        intercept: beta.
        rejected: whether the fitted line was refused and the last good slope used instead.
    """

    kappa: float
    slope: float
    intercept: float
    rejected: bool


class Controller:
    """Fits kappa = alpha · error + beta to recent epochs and reads off the scale for the wanted error.

    Args:
        target: wanted share of violating triplets, e_t.
        largest: upper clamp of the scale; the lower one is 1, since a smaller scale selects as 1 does.
        window: epochs that the line is fitted to; None for all.
        prior: two pairs (error, kappa) that stand in for measurements until there are three; kappa falls as the
            error rises.
        line: ``fitted`` to the window by least squares, or with the ``prior-slope`` through the last measurement,
            which corrects the last scale by what was missing to the target.
    """

    def __init__(
        self,
        target: float,
        largest: float = 64.0,
        window: int | None = 5,
        prior: tuple[tuple[float, float], tuple[float, float]] = ((0.9, 1.0), (0.3, 16.0)),
        line: Literal["fitted", "prior-slope"] = "fitted",
    ) -> None:
        self.target = target
        self.largest = largest
        self.window = window
        self._pairs: list[tuple[float, float]] = []
        self.prior = prior
        self.line = line
        self._slope = _line(list(prior))[0]
        self._warned = False

    def observe(self, kappa: float, error: float) -> None:
        """Take what a finished mined epoch measured: its scale and its share of violating triplets."""
        self._pairs.append((error, kappa))

    def propose(self) -> Proposal:
        """The scale for the next epoch, by least squares over the last epochs and, while they are few, the prior.

        A line is refused when the errors hardly differ, when it does not fall (a harder epoch asks for a smaller
        sphere), or when it is not finite; the last accepted slope then goes through the last measurement.
        """
        pairs = self._pairs[-self.window :] if self.window else list(self._pairs)
        if len(self._pairs) < 3:
            pairs = [*self.prior, *pairs]
        slope, intercept = _line(pairs)
        rejected = not (math.isfinite(slope) and math.isfinite(intercept) and slope < 0)
        rejected &= self.line == "fitted"
        if rejected or self.line == "prior-slope":
            error, kappa = pairs[-1]
            slope, intercept = self._slope, kappa - self._slope * error
        self._slope = slope
        kappa = min(max(slope * self.target + intercept, 1.0), self.largest)
        return Proposal(kappa, slope, intercept, rejected)

    def warn_of(self, ceiling: float) -> None:
        """Say once that the target is above what any scale can reach."""
        if self.target > ceiling and not self._warned:
            self._warned = True
            print(
                f"smart-mining: target_error {self.target:g} is out of reach: with this mined_share, and the share of "
                f"random triplets that violate now, at most {ceiling:.3f} of all triplets can. "
                "The scale will fall to 1. A smaller target_error, a larger mined_share or error_scope: mined "
                "would help.",
                flush=True,
            )

    def state_dict(self) -> dict[str, Any]:
        """All measurements, the last accepted slope, and whether the warning was given."""
        return {"pairs": [list(pair) for pair in self._pairs], "slope": self._slope, "warned": self._warned}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take saved measurements."""
        self._pairs = [(float(error), float(kappa)) for error, kappa in state["pairs"]]
        self._slope = float(state["slope"])
        self._warned = state["warned"]


def _line(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Slope and intercept of kappa over error by least squares; not a number where the errors hardly differ."""
    errors, scales = np.array(pairs, dtype=np.float64).T
    spread = errors - errors.mean()
    total = float((spread * spread).sum())
    if not total >= 1e-8:
        return math.nan, math.nan
    slope = float((spread * (scales - scales.mean())).sum()) / total
    return slope, float(scales.mean()) - slope * float(errors.mean())


def scheduled_scale(epoch: int, first: int, last: int, start: float, end: float) -> float:
    """Scale of an epoch that falls geometrically from ``start`` in epoch ``first`` to ``end`` in epoch ``last``."""
    if last <= first:
        return start
    share = min(max((epoch - first) / (last - first), 0.0), 1.0)
    return start * (end / start) ** share


def error_ceiling(mined_share: float, random_error: float) -> float:
    """The share of violating triplets that no scale can exceed: all mined ones, and ``random_error`` of the others."""
    return mined_share + (1 - mined_share) * random_error
