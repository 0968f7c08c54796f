"""Where tuning looks for the value of a key."""

import math
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from .base import Settings

__all__ = ["Range"]


class Range(Settings):
    """The values that a key may take: from ``low`` to ``high``, or one of ``choices``.

    In a plan ``[low, high]`` or ``[low, high, linear]`` is short for a range, which is logarithmic unless it says so.
    """

    low: float | None = None
    """The least value."""
    high: float | None = None
    """The greatest value."""
    scale: Literal["log", "linear"] = "log"
    """How values lie between them."""
    relative: bool = False
    """Whether both are factors on the value that the run has itself."""
    choices: tuple[Any, ...] = ()
    """The values instead, for what is no real number."""
    reason: str = ""
    """Why these."""

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            return given
        if not 2 <= len(given) <= 3:
            raise ValueError(f"{list(given)} is no range; write [low, high], [low, high, linear] or choices: [a, b]")
        return dict(zip(("low", "high", "scale"), given, strict=False))

    @field_validator("choices", mode="before")
    @classmethod
    def _are_a_list(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            raise ValueError(f"{given!r} is no list; write [{given}], with commas between several")
        return given

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.choices:
            if self.low is not None or self.high is not None:
                raise ValueError("give low and high, or choices, not both")
            if any(a == b for place, a in enumerate(self.choices) for b in self.choices[:place]):
                raise ValueError(f"choices: {list(self.choices)} has a value twice")
            if len(self.choices) < 2:
                raise ValueError(f"choices: {list(self.choices)} leaves nothing to choose; give two or more")
            return self
        if self.low is None or self.high is None:
            raise ValueError("low and high are both needed, or choices")
        if not self.low < self.high:
            raise ValueError(f"low: {self.low:g} is not below high: {self.high:g}; the range is empty")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"low: {self.low:g} has no logarithm; write a value above 0, or scale: linear")
        return self

    def around(self, own: Any) -> "Range":
        """The range in absolute values.

        Args:
            own: the value that the run has.
        """
        if not self.relative:
            return self
        low, high = (rounded(bound * own) for bound in self._bounds)
        return self.model_copy(update={"low": low, "high": high, "relative": False})

    def at(self, share: float) -> Any:
        """The value at a share of the way, 0 ≤ ``share`` < 1; numbers have three digits."""
        if self.choices:
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        low, high = self._bounds
        if self.scale == "linear":
            return rounded(low + share * (high - low))
        return rounded(low * (high / low) ** share)

    def gap(self, one: Any, other: Any) -> float:
        """How far two values lie apart, as a share of the range; 1 for different choices."""
        if self.choices:
            return float(one != other)
        low, high = self._bounds
        if self.scale == "linear":
            return float(abs(one - other) / (high - low))
        if min(one, other) <= 0:  # a value of the run's own, outside the range
            return 1.0
        return abs(math.log(one / other)) / math.log(high / low)

    @property
    def _bounds(self) -> tuple[float, float]:
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high


def rounded(value: float) -> float:
    """A number with three digits, which people can read and type."""
    return float(f"{value:.3g}")
