"""Batches of seed classes and their neighbours, a few images of each."""

from typing import Any

import numpy as np

from hardmine.errors import UserError
from hardmine.mining import BalancedSampler

__all__ = ["NeighbourSampler"]


class NeighbourSampler:
    """Anchor-neighbour batches: seed classes at random, each with its nearest classes, images from shuffled decks.

    All seeds enter first; a neighbour that is taken already gives way to the seed's next nearest, so that a batch
    has ``seeds`` · ``group`` distinct classes. Until ``nearest`` is given, and always where it is not asked for,
    batches are class-balanced. Classes with one image are left out; one with fewer images than asked for repeats some.

    Args:
        labels: int64 [N], 0..C-1.
        seeds: l', classes drawn at random.
        group: m, a seed and its m - 1 neighbours.
        images: t, images of each class.
        seed: of all draws.

    Attributes:
        nearest: int64 [C, C-1], of each class the others, nearest first; None for class-balanced batches; an array
            without columns for random neighbours.

    Raises:
        UserError: fewer than two classes have two images.
    """

    def __init__(self, labels: np.ndarray, seeds: int, group: int, images: int, seed: int) -> None:
        counts = np.bincount(labels)
        self._usable = counts >= 2
        usable = int(self._usable.sum())
        if usable < 2:
            raise UserError(
                f"htl: {usable} classes of the training split have two images or more; at least 2 are needed."
            )
        self.classes = min(seeds * group, usable)
        if self.classes < seeds * group:
            print(f"htl: batches of {seeds * group} classes are cut to the {usable} that have two images.", flush=True)
        self._seeds, self._group, self._images = min(seeds, self.classes), group, images
        self._members = [np.flatnonzero(labels == label) for label in range(len(counts))]
        self._decks: list[np.ndarray] = [rows[:0] for rows in self._members]
        self._rows = np.flatnonzero(self._usable[labels])
        self._balanced = BalancedSampler(labels[self._rows], self.classes, images, seed)
        self._generator = np.random.default_rng((seed, 1))
        self.nearest: np.ndarray | None = None

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return self.classes * self._images

    @property
    def steps_per_epoch(self) -> int:
        """Batches that hold as many images as there are, rounded down."""
        return max(1, len(self._rows) // self.batch_size)

    def next_batch(self) -> np.ndarray:
        """The next batch, int64 [n], the images of a class side by side."""
        if self.nearest is None:
            return self._rows[self._balanced.next_batch()]
        seeds = self._generator.permutation(np.flatnonzero(self._usable))[: self._seeds]
        chosen = np.concatenate(self.groups(seeds))
        return np.concatenate([self._deal(int(label)) for label in chosen])

    def groups(self, seeds: np.ndarray) -> list[np.ndarray]:
        """The classes of a batch, int64 [up to m] for each seed, itself first.

        Args:
            seeds: int64 [l'], distinct classes.
        """
        free = self._usable.copy()
        free[seeds] = False
        groups, left = [], self.classes - len(seeds)
        for seed in seeds:
            order = self._neighbours(int(seed))
            own = order[free[order]][: min(self._group - 1, left)]
            free[own] = False
            left -= len(own)
            groups.append(np.concatenate([[seed], own]))
        return groups

    def _neighbours(self, seed: int) -> np.ndarray:
        assert self.nearest is not None
        if self.nearest.shape[1]:
            neighbours: np.ndarray = self.nearest[seed]
            return neighbours
        return self._generator.permutation(len(self._members))

    def _deal(self, label: int) -> np.ndarray:
        """The next images of a class; a new deck begins with those that the old one did not just give."""
        members, size = self._members[label], self._images
        dealt, self._decks[label] = self._decks[label][:size], self._decks[label][size:]
        if len(dealt) < size:
            fresh = self._generator.permutation(members)
            fresh = np.concatenate([fresh[~np.isin(fresh, dealt)], fresh[np.isin(fresh, dealt)]])
            missing = size - len(dealt)
            self._decks[label] = fresh[missing:]
            dealt = np.concatenate([dealt, np.resize(fresh, missing)])
        return dealt

    def state_dict(self) -> dict[str, Any]:
        """Random numbers, decks, the nearest classes, and the place in the balanced batches."""
        return {
            "generator": self._generator.bit_generator.state,
            "decks": self._decks,
            "nearest": self.nearest,
            "balanced": self._balanced.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved state."""
        self._generator.bit_generator.state = state["generator"]
        self._decks = [np.array(deck, dtype=np.int64) for deck in state["decks"]]
        self.nearest = None if state["nearest"] is None else np.array(state["nearest"], dtype=np.int64)
        self._balanced.load_state_dict(state["balanced"])
