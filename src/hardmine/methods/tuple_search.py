"""What is worth searching with every method on pairs or triplets of a sampler of its own, and the room it needs."""

from typing import Any

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

from .tuple_settings import IMAGES_PER_TUPLE

__all__ = ["TupleSearch"]


class TupleSearch(Search):
    """The search space of a base loss on tuples; ``run`` has ``TupleSettings``."""

    def base_space(self) -> dict[str, Range]:
        """The key of the base loss."""
        if self.run.base_loss == "npair":
            return {"l2": Range(low=0.0003, high=0.03, reason="sets the length of the embeddings")}
        return {"margin": Range(low=0.2, high=5, reason="on squared distances that are not normalised")}

    def batch_shapes(self, most: int) -> list[dict[str, Any]]:
        """As many tuples, half, or twice as many."""
        size = IMAGES_PER_TUPLE[self.run.base_loss]
        sizes = [self.run.batch_size, self.run.tuples // 2 * size, 2 * self.run.batch_size]
        if self.run.base_loss == "npair" and 2 * self.run.tuples > most:
            del sizes[2]
        return [{"batch_size": size} for size in dict.fromkeys(sizes) if size >= self.run.smallest_batch]

    @property
    def batch_classes(self) -> int:
        """One a tuple for npair."""
        return self.run.tuples if self.run.base_loss == "npair" else 2

    @property
    def batch_images(self) -> int:
        """Of all tuples."""
        return self.run.batch_size
