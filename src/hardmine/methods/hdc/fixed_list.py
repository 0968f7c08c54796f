"""Batches drawn once and gone through in turn, as HDC's released code does."""

import hashlib
from typing import Any

import numpy as np

from hardmine.errors import UserError

__all__ = ["FixedList"]


class FixedList:
    """A list of class-balanced batches, each drawn apart from the others; after the last comes the first.

    A batch has distinct classes, and distinct images of each where the class has enough.

    Args:
        labels: int64 [N], 0..C-1.
        classes: classes in a batch.
        images_per_class: images of each.
        length: batches in the list.
        seed: of the draws.

    Raises:
        UserError: fewer classes than a batch asks for.
    """

    def __init__(self, labels: np.ndarray, classes: int, images_per_class: int, length: int, seed: int) -> None:
        order = np.argsort(labels, kind="stable")
        members = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
        if len(members) < classes:
            raise UserError(
                f"training.batch.classes: {classes} classes are asked for in a batch, the training split has "
                f"{len(members)}."
            )
        self.batch_size = classes * images_per_class
        self.steps_per_epoch = -(-len(labels) // self.batch_size)
        generator = np.random.default_rng(seed)
        batches = []
        for _ in range(length):
            chosen = generator.permutation(len(members))[:classes]
            batches.append(np.concatenate([_draw(members[label], images_per_class, generator) for label in chosen]))
        self._batches: np.ndarray = np.stack(batches)
        self._digest = hashlib.sha256(self._batches.tobytes()).hexdigest()
        self._position = 0

    def next_batch(self) -> np.ndarray:
        """The next batch, int64 [classes · images_per_class], the images of a class side by side."""
        batch: np.ndarray = self._batches[self._position]
        self._position = (self._position + 1) % len(self._batches)
        return batch

    def state_dict(self) -> dict[str, Any]:
        """Position in the list, and the list's digest."""
        return {"position": self._position, "digest": self._digest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved position.

        Raises:
            UserError: it belongs to another list.
        """
        if state["digest"] != self._digest:
            raise UserError(
                "training: the checkpoint belongs to another list of batches. Delete it under scratch/ and train again."
            )
        self._position = state["position"]


def _draw(rows: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    return np.resize(generator.permutation(rows), size)
