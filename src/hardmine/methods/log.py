"""What an epoch reports: means of what its steps said."""

import math
from typing import Any

from torch import Tensor

from hardmine.errors import TrainingFailedError

__all__ = ["Diagnostics", "EpochLog"]


class Diagnostics:
    """Arrays that a method keeps for the figures of its own: ``diagnostics.safetensors``. Part of a checkpoint."""

    def __init__(self) -> None:
        self.arrays: dict[str, Tensor] = {}

    def keep(self, name: str, values: Tensor) -> None:
        """Keep a copy of an array under a name, in place of an earlier one."""
        self.arrays[name] = values.detach().cpu().clone()

    def state_dict(self) -> dict[str, Tensor]:
        """The arrays."""
        return dict(self.arrays)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take saved arrays."""
        self.arrays = dict(state)


class EpochLog:
    """Means over an epoch's steps. Part of a checkpoint, so that a resumed epoch reports the same."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._weights: dict[str, float] = {}

    def add(self, name: str, value: Tensor | float, weight: float = 1.0) -> None:
        """Add one value of a step.

        Raises:
            TrainingFailedError: the value is not finite; the message names it.
        """
        number = float(value.detach() if isinstance(value, Tensor) else value)
        if not math.isfinite(number):
            raise TrainingFailedError(
                f"training: '{name}' became {number}. "
                "A smaller training.learning_rate or a training.gradient_clip may help."
            )
        self._sums[name] = self._sums.get(name, 0.0) + weight * number
        self._weights[name] = self._weights.get(name, 0.0) + weight

    def set(self, name: str, value: float) -> None:
        """Report one value for the whole epoch."""
        self._sums[name], self._weights[name] = float(value), 1.0

    def means(self) -> dict[str, float]:
        """Mean of every value, in the order they first came."""
        return {name: self._sums[name] / self._weights[name] for name in self._sums if self._weights[name]}

    def state_dict(self) -> dict[str, Any]:
        """Sums and weights."""
        return {"sums": dict(self._sums), "weights": dict(self._weights)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take saved sums and weights."""
        self._sums, self._weights = dict(state["sums"]), dict(state["weights"])
