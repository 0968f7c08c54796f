"""Batches of a few images from each of several classes, and batches of any images."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hardmine.errors import UserError

__all__ = ["BalancedSampler", "ShuffledSampler"]


class BalancedSampler:
    """Class-balanced batches that show every training image each epoch.

    In each epoch the images of a class are shuffled and cut into groups of ``images_per_class`` (the last group is
    filled with images of the same class); batches take groups of distinct classes, drawn with chances proportional to
    the groups they have left. Where too few classes have groups left, others give one more.

    Args:
        labels: int64 [N], 0..C-1.
        classes: classes in a batch.
        images_per_class: images of each.
        seed: of all draws.

    Raises:
        UserError: fewer classes than a batch asks for.
    """

    def __init__(self, labels: np.ndarray, classes: int, images_per_class: int, seed: int) -> None:
        self.classes = classes
        self.images_per_class = images_per_class
        order = np.argsort(labels, kind="stable")
        self._members = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
        if len(self._members) < classes:
            raise UserError(
                f"training.batch.classes: {classes} classes are asked for in a batch, the training split has "
                f"{len(self._members)}."
            )
        self._groups = np.array([-(-len(rows) // images_per_class) for rows in self._members])
        self._generator = np.random.default_rng(seed)
        self._before = self._generator.bit_generator.state
        self._epoch: list[np.ndarray] = []
        self._position = 0

    @property
    def steps_per_epoch(self) -> int:
        """Batches that show every image once (or once more, to fill up)."""
        return max(-(-int(self._groups.sum()) // self.classes), int(self._groups.max()))

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return self.classes * self.images_per_class

    def __len__(self) -> int:
        return self.steps_per_epoch

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of an epoch as a ``DataLoader`` takes them: ``DataLoader(images, batch_sampler=sampler)``."""
        for _ in range(self.steps_per_epoch):
            yield self.next_batch().tolist()

    def next_batch(self) -> np.ndarray:
        """The next batch, int64 [classes · images_per_class], the images of a class side by side."""
        if self._position == len(self._epoch):
            self._before = self._generator.bit_generator.state
            self._epoch = self._plan()
            self._position = 0
        self._position += 1
        return self._epoch[self._position - 1]

    def upcoming(self) -> np.ndarray | None:
        """What ``next_batch`` will give, nothing drawn for it; None where the epoch ends here."""
        return self._epoch[self._position] if self._position < len(self._epoch) else None

    def _plan(self) -> list[np.ndarray]:
        decks = [self._deal(rows) for rows in self._members]
        left = self._groups.copy()
        batches = []
        for remaining in range(self.steps_per_epoch, 0, -1):
            keys = np.full(len(left), np.inf)
            some = left > 0
            keys[some] = self._generator.exponential(size=int(some.sum())) / left[some]
            keys[left >= remaining] = -1.0  # their groups fit only if one goes into every batch that is left
            spare = np.flatnonzero(~some)
            keys[spare] = 1e30 * (1 + self._generator.random(len(spare)))
            chosen = np.argpartition(keys, self.classes - 1)[: self.classes]
            chosen = chosen[np.argsort(keys[chosen], kind="stable")]
            rows = []
            for label in chosen:
                if left[label] > 0:
                    left[label] -= 1
                    rows.append(decks[label][left[label]])
                else:
                    rows.append(self._deal(self._members[label])[0])
            batches.append(np.concatenate(rows))
        return batches

    def _deal(self, rows: np.ndarray) -> np.ndarray:
        """Shuffle a class's images into groups, int64 [groups, images_per_class]; a small class repeats images."""
        size = self.images_per_class
        shuffled = self._generator.permutation(rows)
        short = -len(rows) % size
        if short:
            others = self._generator.permutation(shuffled[: len(rows) - (len(rows) % size)])
            fill = others if len(others) >= short else np.resize(shuffled, short)
            shuffled = np.concatenate([shuffled, fill[:short]])
        return shuffled.reshape(-1, size)

    def state_dict(self) -> dict[str, Any]:
        """The random numbers before the running epoch, and the position in it."""
        return {"before": self._before, "position": self._position, "started": bool(self._epoch)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved position; the running epoch is planned again from the same random numbers."""
        self._before = state["before"]
        self._generator.bit_generator.state = state["before"]
        self._epoch = self._plan() if state["started"] else []
        self._position = state["position"]


class ShuffledSampler:
    """Batches of images of any classes: all training images shuffled, again and again, cut into batches.

    Args:
        images: N, training images.
        batch_size: images in a batch.
        seed: of all draws.

    Raises:
        UserError: fewer images than a batch asks for.
    """

    def __init__(self, images: int, batch_size: int, seed: int) -> None:
        if images < batch_size:
            raise UserError(
                f"training.batch: {batch_size} images are asked for in a batch, the training split has {images}."
            )
        self.images = images
        self.batch_size = batch_size
        self._generator = np.random.default_rng(seed)
        self._deck = np.empty(0, dtype=np.int64)

    @property
    def steps_per_epoch(self) -> int:
        """Batches that show every image once, or a few of the next round too."""
        return -(-self.images // self.batch_size)

    def next_batch(self) -> np.ndarray:
        """The next batch, int64 [batch_size]; one that ends a round takes what it lacks from the next."""
        if len(self._deck) < self.batch_size:
            self._deck = np.concatenate([self._deck, self._generator.permutation(self.images)])
        batch, self._deck = self._deck[: self.batch_size], self._deck[self.batch_size :]
        return batch

    def upcoming(self) -> np.ndarray | None:
        """What ``next_batch`` will give, nothing drawn for it; None where the round ends here."""
        return self._deck[: self.batch_size] if len(self._deck) >= self.batch_size else None

    def state_dict(self) -> dict[str, Any]:
        """The random numbers, and the images that are left of the round."""
        return {"generator": self._generator.bit_generator.state, "deck": self._deck.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved position."""
        self._generator.bit_generator.state = state["generator"]
        self._deck = np.asarray(state["deck"], dtype=np.int64)
