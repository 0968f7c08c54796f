"""Passes through the network that stand in for many: some images really go through, made vectors come of the others.

No method knows of it. It takes the place of four functions of the objects that every method works with: reading images
(``plain``, ``augmented``), the network's ``forward`` and ``embed``, and the trunk's ``taps`` and ``up_to``.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hardmine.backbones.taps import Backbone
from hardmine.methods import Method

from .peak import clock

__all__ = ["StandIn", "standing_in"]

SAMPLE = 64
"""Images, in whole blocks, that really go through where the training set is embedded."""
LEAST = 2
"""Images that really go through where gradients are wanted: batch norm needs two."""


class StandIn:
    """Counts and times what goes through, and makes up the rest.

    Attributes:
        share: of a batch's images that really go through the trunk; the others' maps are random numbers.
        really: images that may be read without gradients before all further ones are made up.
        made: images so made up since ``begin``.
    """

    def __init__(self, method: Method) -> None:
        self.share, self.really, self.made = 1.0, SAMPLE, 0
        self._read = 0
        self._costs = {"read": (0, 0.0), "pass": (0, 0.0)}
        self._inside = False
        self._shapes: dict[str, dict[str, tuple[int, ...]]] = {}
        self._blank = torch.zeros(1, method.setup.channels, *method.images.size, device=method.setup.device)

    def begin(self, share: float = 1.0, really: int = SAMPLE) -> None:
        """A new piece of work."""
        self.share, self.really, self.made, self._read = share, really, 0, 0

    @property
    def rate(self) -> float:
        """Seconds an image to read and embed without gradients, of those that really were."""
        return sum(seconds / images for images, seconds in self._costs.values() if images)

    def reading(self, real: Callable[[Any], Tensor]) -> Callable[[Any], Tensor]:
        """In place of ``plain`` and ``augmented``."""

        def read(rows: Tensor | np.ndarray) -> Tensor:
            if torch.is_grad_enabled():
                return real(rows)
            if self._read and self._read >= self.really:
                self.made += len(rows)
                return self._blank.expand(len(rows), -1, -1, -1)
            self._read += len(rows)
            return self._timed("read", real, rows)

        return read

    def embedding(self, name: str, real: Callable[[Tensor], dict[str, Tensor]]) -> Callable[[Tensor], Any]:
        """In place of the network's ``forward`` or ``embed``."""

        def embed(images: Tensor) -> dict[str, Tensor]:
            if self._is_blank(images) and name in self._shapes:
                found = {key: torch.randn(len(images), *shape) for key, shape in self._shapes[name].items()}
                unit = (lambda value: functional.normalize(value, dim=1)) if name == "embed" else (lambda value: value)
                return {key: unit(value.to(images.device)) for key, value in found.items()}
            outputs: dict[str, Tensor] = real(images) if torch.is_grad_enabled() else self._timed("pass", real, images)
            self._shapes[name] = {key: tuple(value.shape[1:]) for key, value in outputs.items()}
            return outputs

        return embed

    def tapping(
        self, trunk: Backbone, real: Callable[[Tensor, Sequence[str]], dict[str, Tensor]]
    ) -> Callable[..., Any]:
        """In place of a trunk's ``taps``."""

        def taps(images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
            count, through = len(images), self._through(images)
            if through == count:
                return real(images, names)
            maps = real(images[:through], names) if through else {}
            return {name: _with_made(maps.get(name), trunk.tap_shapes[name], count - through, images) for name in names}

        return taps

    def reaching(self, trunk: Backbone, real: Callable[[Tensor, str], Tensor]) -> Callable[[Tensor, str], Tensor]:
        """In place of a trunk's ``up_to``."""

        def up_to(images: Tensor, tap: str) -> Tensor:
            through = self._through(images)
            if through == len(images):
                return real(images, tap)
            share, self.share = self.share, 1.0  # up_to may come down to taps
            found = real(images[:through], tap) if through else None
            self.share = share
            return _with_made(found, trunk.tap_shapes[tap], len(images) - through, images)

        return up_to

    def _through(self, images: Tensor) -> int:
        """Images of a batch that really go through the trunk."""
        if self._is_blank(images):
            return 0
        return min(len(images), max(LEAST, math.ceil(self.share * len(images))))

    def _is_blank(self, images: Tensor) -> bool:
        return images.data_ptr() == self._blank.data_ptr()

    def _timed(self, kind: str, work: Callable[[Any], Any], images: Any) -> Any:
        if self._inside or self.share < 1:
            return work(images)
        self._inside, start = True, clock()
        try:
            return work(images)
        finally:
            self._inside = False
            count, seconds = self._costs[kind]
            self._costs[kind] = count + len(images), seconds + clock() - start


@contextmanager
def standing_in(method: Method) -> Iterator[StandIn]:
    """Have passes through a method's network stood in for, as far as the ``StandIn`` says."""
    stand, taken = StandIn(method), list[tuple[Any, str]]()

    def put(place: Any, name: str, function: Any) -> None:
        vars(place)[name] = function  # before the class's own
        taken.append((place, name))

    for name in ("plain", "augmented"):
        put(method.images, name, stand.reading(getattr(method.images, name)))
    for name in ("forward", "embed"):
        put(method.network, name, stand.embedding(name, getattr(method.network, name)))
    for trunk in method.network.trunks:
        put(trunk, "up_to", stand.reaching(trunk, trunk.up_to))
        put(trunk, "taps", stand.tapping(trunk, trunk.taps))
    try:
        yield stand
    finally:
        for place, name in taken:
            del vars(place)[name]


def _with_made(real: Tensor | None, shape: tuple[int, int, int], count: int, images: Tensor) -> Tensor:
    """A tap's maps, those of further images made up: a random number a channel, not below 0."""
    channels, height, width = shape
    made = torch.randn(count, channels, 1, 1, device=images.device).clamp(min=0).expand(-1, -1, height, width)
    return made.contiguous() if real is None else torch.cat([real, made.to(real.dtype)])
