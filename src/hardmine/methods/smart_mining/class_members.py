"""Who shares a class with whom, and triplets drawn at random from it."""

import numpy as np

from hardmine.errors import UserError

__all__ = ["ClassMembers"]


class ClassMembers:
    """The images of every class, for draws without a loop.

    Args:
        labels: int64 [N], 0..C-1.

    Raises:
        UserError: there is one class only, or no class has two images.
    """

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels
        self.order = np.argsort(labels, kind="stable")
        self.counts = np.bincount(labels)
        self.starts = np.cumsum(self.counts) - self.counts
        self.place = np.empty(len(labels), dtype=np.int64)
        self.place[self.order] = np.arange(len(labels)) - self.starts[labels[self.order]]
        if np.count_nonzero(self.counts) < 2:
            raise UserError(
                "training data: triplets need images of at least two classes, the training split has one. "
                "Choose a data set or split with more classes."
            )
        if self.counts.max() < 2:
            raise UserError(
                "training data: no class of the training split has two images, so no triplet has a positive. "
                "Choose a data set with several images a class."
            )

    @property
    def anchors(self) -> np.ndarray:
        """Images that may be anchors, int64: those whose class has another one."""
        return np.flatnonzero(self.counts[self.labels] > 1)

    def random_triplets(self, anchors: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Triplets int64 [M, 3]: positive uniform in the class, negative uniform over all images of other classes.

        Args:
            anchors: int64 [M], of classes with at least two images.
            generator: of the draws.
        """
        own = self.labels[anchors]
        counts, starts = self.counts[own], self.starts[own]
        positive = generator.integers(counts - 1)
        positive += positive >= self.place[anchors]
        negative = generator.integers(len(self.labels) - counts)
        negative += np.where(negative >= starts, counts, 0)
        return np.stack([anchors, self.order[starts + positive], self.order[negative]], axis=1)

    def random_members(
        self, anchors: np.ndarray, taken: np.ndarray, owners: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """A uniformly drawn member of each anchor's class that is neither the anchor nor taken, int64 [M]; -1 for none.

        Args:
            anchors: int64 [M].
            taken: int64 [t], images of the anchors' classes that may not be drawn.
            owners: int64 [t], the position in ``anchors`` that each of them belongs to.
            generator: of the draws.
        """
        own = self.labels[anchors]
        widest = int(self.counts[own].max(initial=0))
        free = np.arange(widest) < self.counts[own][:, None]
        free[np.arange(len(anchors)), self.place[anchors]] = False
        free[owners, self.place[taken]] = False
        rank = (generator.random(len(anchors)) * free.sum(axis=1)).astype(np.int64)
        column = (free.cumsum(axis=1) > rank[:, None]).argmax(axis=1) if widest else rank
        drawn = self.order[np.minimum(self.starts[own] + column, len(self.order) - 1)]
        return np.where(free.any(axis=1), drawn, -1)
