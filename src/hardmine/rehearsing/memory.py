"""What a device would hold: weights, gradients, states, and what autograd keeps for the backward pass."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from hardmine.methods import Method

__all__ = ["SavedTensors", "held_bytes"]


def held_bytes(method: Method) -> dict[str, int]:
    """Bytes of weights and buffers, of gradients, of the optimisers' state, and of what else a method remembers."""
    weights = list(method.network.parameters())
    buffers = list(method.network.buffers())
    optimisers = {id(part): part for part in (*method.optimisers, *method.parts.values()) if _is_optimiser(part)}
    trained = {id(own): own for part in optimisers.values() for group in part.param_groups for own in group["params"]}
    states = [value for part in optimisers.values() for state in part.state.values() for value in state.values()]
    others = [part for name, part in method.parts.items() if name != "network" and not _is_optimiser(part)]
    return {
        "weights": _bytes([*weights, *buffers]),
        "gradients": _bytes(own for own in trained.values() if own.requires_grad),
        "optimiser": _bytes(states),
        "parts": _bytes(value for part in others for value in _tensors(part.state_dict())),
    }


class SavedTensors:
    """Bytes that autograd keeps for the backward pass, at most at once; each storage once, weights not.

    Args:
        method: whose weights do not count.
    """

    def __init__(self, method: Method) -> None:
        self._weights = {_place(value) for value in (*method.network.parameters(), *method.network.buffers())}
        self._held: dict[int, int] = {}
        self._now = 0
        self.peak = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what is kept within."""
        self.peak = 0
        with torch.autograd.graph.saved_tensors_hooks(self._pack, lambda held: held.value):
            yield

    def _pack(self, value: Tensor) -> "_Held":
        return _Held(self, value)

    def take(self, value: Tensor) -> None:
        """One more use of a tensor's storage."""
        place = _place(value)
        if place in self._weights:
            return
        self._held[place] = self._held.get(place, 0) + 1
        if self._held[place] == 1:
            self._now += value.untyped_storage().nbytes()
            self.peak = max(self.peak, self._now)

    def give_back(self, value: Tensor) -> None:
        """One use less."""
        place = _place(value)
        if place in self._held:
            self._held[place] -= 1
            if not self._held[place]:
                del self._held[place]
                self._now -= value.untyped_storage().nbytes()


class _Held:
    """A tensor that autograd keeps."""

    def __init__(self, counter: SavedTensors, value: Tensor) -> None:
        self.counter, self.value = counter, value
        counter.take(value)

    def __del__(self) -> None:
        self.counter.give_back(self.value)


def _place(value: Tensor) -> int:
    return value.untyped_storage().data_ptr()


def _is_optimiser(part: Any) -> bool:
    return isinstance(part, torch.optim.Optimizer)


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in a state."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tensors(inner)


def _bytes(values: Iterable[Any]) -> int:
    return sum(value.numel() * value.element_size() for value in values if isinstance(value, Tensor))
