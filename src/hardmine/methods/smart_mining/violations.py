"""Shares of violating triplets in an epoch, as Smart Mining's controller wants them."""

from typing import Any, Literal

import numpy as np

from .spheres import MINED, OUTSIDE, RANDOM

__all__ = ["Violations"]

Scope = Literal["all", "mined", "random"]
_FLAGS: dict[Scope, list[int]] = {"all": [MINED, OUTSIDE, RANDOM], "mined": [MINED], "random": [RANDOM]}


class Violations:
    """Counts of the running epoch's triplets and of those with a triplet loss above 0.

    Attributes:
        kappa: scale of the sphere in this epoch; None where nothing was mined.
    """

    def __init__(self) -> None:
        self.start(None)

    def start(self, kappa: float | None) -> None:
        """Begin an epoch with a scale."""
        self.kappa = kappa
        self._seen = np.zeros(3, dtype=np.int64)
        self._active = np.zeros(3, dtype=np.int64)

    def add(self, active: np.ndarray, flags: np.ndarray) -> None:
        """Count a batch: bool [T], and how its triplets came about, int8 [T]."""
        self._seen += np.bincount(flags, minlength=3)
        self._active += np.bincount(flags[active], minlength=3)

    def share(self, scope: Scope) -> float | None:
        """Share of violating triplets among all, the mined or the random ones; None where none were seen."""
        seen = int(self._seen[_FLAGS[scope]].sum())
        return int(self._active[_FLAGS[scope]].sum()) / seen if seen else None

    def state_dict(self) -> dict[str, Any]:
        """The scale and the counts."""
        return {"kappa": self.kappa, "seen": self._seen.tolist(), "active": self._active.tolist()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved scale and counts."""
        self.kappa = state["kappa"]
        self._seen, self._active = np.array(state["seen"]), np.array(state["active"])
