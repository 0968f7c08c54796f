"""Batches of tuples: anchors, then positives, then (for triplets) negatives."""

from typing import Any

import numpy as np

from hardmine.errors import UserError

from .samplers import BalancedSampler

__all__ = ["PairSampler", "TripletSampler"]


class PairSampler:
    """n anchors, then their n positives in the same order, each pair from another class.

    Args:
        labels: int64 [N], 0..C-1.
        pairs: n.
        covering: every image once an epoch (a class with an odd number of images repeats one); otherwise classes and
            images are drawn afresh for each batch. A class with one image gives it as anchor and as positive.
        seed: of all draws.

    Raises:
        UserError: fewer classes than pairs.
    """

    def __init__(self, labels: np.ndarray, pairs: int, covering: bool, seed: int) -> None:
        _require_classes(labels, pairs, classes_each=1, images_each=2)
        self.pairs = pairs
        self.covering = covering
        self._sampler = BalancedSampler(labels, pairs, 2, seed)
        self._members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        self._generator = np.random.default_rng((seed, 1))
        self._steps = self._sampler.steps_per_epoch if covering else -(-len(labels) // (2 * pairs))

    @property
    def steps_per_epoch(self) -> int:
        """Batches that show every image once, or as many images as there are."""
        return self._steps

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return 2 * self.pairs

    def next_batch(self) -> np.ndarray:
        """The next batch, int64 [2n]."""
        if self.covering:
            return self._in_order(self._sampler.next_batch())
        chosen = self._generator.permutation(len(self._members))[: self.pairs]
        return np.stack([_two(self._members[label], self._generator) for label in chosen], axis=1).ravel()

    def upcoming(self) -> np.ndarray | None:
        """What ``next_batch`` will give, nothing drawn for it; None where that is not known yet."""
        found = self._sampler.upcoming() if self.covering else None
        return None if found is None else self._in_order(found)

    def _in_order(self, pairs: np.ndarray) -> np.ndarray:
        return pairs.reshape(self.pairs, 2).T.ravel()

    def state_dict(self) -> dict[str, Any]:
        """Positions of both sources."""
        return {"sampler": self._sampler.state_dict(), "generator": self._generator.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take saved positions."""
        self._sampler.load_state_dict(state["sampler"])
        self._generator.bit_generator.state = state["generator"]


class TripletSampler:
    """n anchors, their n positives, and n negatives, from 2n distinct classes.

    The pairs come as in ``PairSampler``; each negative is one image of a class that gives no pair and no other
    negative. An epoch shows every image once in a pair; negatives come on top.

    Args:
        labels: int64 [N], 0..C-1.
        triplets: n.
        covering: as for ``PairSampler``.
        seed: of all draws.

    Raises:
        UserError: fewer than 2n classes.
    """

    def __init__(self, labels: np.ndarray, triplets: int, covering: bool, seed: int) -> None:
        _require_classes(labels, triplets, classes_each=2, images_each=3)
        self.triplets = triplets
        self._pairs = PairSampler(labels, triplets, covering, seed)
        self._labels = labels
        self._members = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
        self._generator = np.random.default_rng((seed, 2))

    @property
    def steps_per_epoch(self) -> int:
        """Batches that show every image once in a pair."""
        return self._pairs.steps_per_epoch

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return 3 * self.triplets

    def next_batch(self) -> np.ndarray:
        """The next batch, int64 [3n]."""
        pairs = self._pairs.next_batch()
        used = set(self._labels[pairs].tolist())
        others = np.array([label for label in self._members if label not in used])
        chosen = self._generator.permutation(others)[: self.triplets]
        negatives = [self._generator.choice(self._members[int(label)]) for label in chosen]
        return np.concatenate([pairs, negatives])

    def state_dict(self) -> dict[str, Any]:
        """Positions of pairs and negatives."""
        return {"pairs": self._pairs.state_dict(), "generator": self._generator.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take saved positions."""
        self._pairs.load_state_dict(state["pairs"])
        self._generator.bit_generator.state = state["generator"]


def _two(rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Two different images of a class, or its only one twice."""
    return generator.choice(rows, 2, replace=len(rows) < 2)


def _require_classes(labels: np.ndarray, tuples: int, classes_each: int, images_each: int) -> None:
    needed, present = tuples * classes_each, len(np.unique(labels))
    if present < needed:
        raise UserError(
            f"batch_size: {tuples * images_each} images come from {needed} distinct classes, the training split has "
            f"{present}; use at most {present // classes_each * images_each}."
        )
