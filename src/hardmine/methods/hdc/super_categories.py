"""Batches from a few super-categories at a time, as HDC's released code has them on large data sets."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from hardmine.errors import UserError

from .settings import SuperCategories

__all__ = ["SuperCategoryBatches", "super_categories_of"]


def super_categories_of(paths: Sequence[str], folders: int) -> np.ndarray:
    """Numbers of the super-categories of images, int64 [N], 0.. in the order of their sorted names.

    Args:
        paths: of the images, as ``items.csv`` has them.
        folders: how many folders at the start of a path name its super-category.

    Raises:
        UserError: a path has fewer folders, or all have the same ones.
    """
    parts = [path.split("/") for path in paths]
    for path, own in zip(paths, parts, strict=True):
        if len(own) <= folders:
            raise UserError(
                f"super_categories.folders: {path} lies in {len(own) - 1} folders, {folders} are to name its "
                "super-category. Set fewer, or leave super_categories out."
            )
    names, found = np.unique(["/".join(own[:folders]) for own in parts], return_inverse=True)
    if len(names) < 2:
        raise UserError(
            f"super_categories.folders: the first {folders} folders are {names[0]} for all training images. Set more, "
            "or leave super_categories out."
        )
    return found.astype(np.int64)


class SuperCategoryBatches:
    """Groups of classes from a few super-categories, all their images in one long row, cut into batches.

    So a batch may end within a group and the next begin there. A class lies where its first image lies.
    Super-categories and the classes in each are drawn without replacement; all where there are no more.

    Args:
        labels: int64 [N], 0..C-1.
        kinds: super-category of each image, int64 [N].
        batch_size: images in a batch.
        settings: how many are drawn, and with which chances.
        length: groups that are drawn once and gone through in turn; 0 for ever fresh ones.
        seed: of the draws.
    """

    def __init__(
        self,
        labels: np.ndarray,
        kinds: np.ndarray,
        batch_size: int,
        settings: SuperCategories,
        length: int,
        seed: int,
    ) -> None:
        self.batch_size = batch_size
        self.steps_per_epoch = -(-len(labels) // batch_size)
        self._settings = settings
        order = np.argsort(labels, kind="stable")
        self._members = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
        homes = kinds[[rows[0] for rows in self._members]]
        self._classes = [np.flatnonzero(homes == kind) for kind in np.unique(homes)]
        self._images = np.array([len(rows) for rows in self._members])
        self._generator = np.random.default_rng(seed)
        self._waiting: np.ndarray = np.empty(0, dtype=np.int64)
        self._list: np.ndarray | None = None
        self._position, self._digest = 0, ""
        if length:
            self._list = np.concatenate([self._group() for _ in range(length)])
            self._digest = hashlib.sha256(self._list.tobytes()).hexdigest()

    def next_batch(self) -> np.ndarray:
        """The next batch, int64 [batch_size], the images of a class side by side."""
        if self._list is not None:
            places = np.arange(self._position, self._position + self.batch_size) % len(self._list)
            self._position = (self._position + self.batch_size) % len(self._list)
            return self._list[places]
        while len(self._waiting) < self.batch_size:
            self._waiting = np.concatenate([self._waiting, self._group()])
        batch, self._waiting = np.split(self._waiting, [self.batch_size])
        return batch

    def _group(self) -> np.ndarray:
        """All images of the classes that are drawn together, int64."""
        weights = [int(self._images[classes].sum()) for classes in self._classes]
        drawn = [self._classes[kind] for kind in self._draw(np.array(weights), self._settings.together)]
        chosen = [
            classes[place] for classes in drawn for place in self._draw(self._images[classes], self._settings.classes)
        ]
        return np.concatenate([self._members[label] for label in chosen])

    def _draw(self, weights: np.ndarray, count: int) -> np.ndarray:
        """Positions drawn without replacement, int64, with the chances of the settings."""
        chances = weights / weights.sum() if self._settings.chances == "images" else None
        return self._generator.choice(len(weights), min(count, len(weights)), replace=False, p=chances)

    def state_dict(self) -> dict[str, Any]:
        """Random numbers, images drawn but not yet given out; position in a fixed list, and its digest."""
        fixed = {"position": self._position, "digest": self._digest}
        return {"generator": self._generator.bit_generator.state, "waiting": self._waiting.tolist(), **fixed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved state.

        Raises:
            UserError: it belongs to another list.
        """
        if state["digest"] != self._digest:
            raise UserError(
                "training: the checkpoint belongs to another list of batches. Delete it under scratch/ and train again."
            )
        self._generator.bit_generator.state = state["generator"]
        self._waiting = np.array(state["waiting"], dtype=np.int64)
        self._position = state["position"]
