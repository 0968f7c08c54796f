"""What is worth searching with HDML, and what a trial must have room for."""

from typing import Any

from hardmine.methods.tuple_settings import IMAGES_PER_TUPLE
from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["HDMLSearch"]


class HDMLSearch(Search):
    """The search space of HDML."""

    def space(self) -> dict[str, Range]:
        """How hard the synthetic tuples are and how much they weigh; of the base loss its own key."""
        npair = {"l2": Range(low=0.0003, high=0.03, reason="sets the length of the embeddings")}
        triplet = {"margin": Range(low=0.2, high=5, reason="on squared distances that are not normalised")}
        base = npair if self.run.base_loss == "npair" else triplet
        if self.run.variant == "base":
            return base
        calibrated = {
            "first_lambda": Range(low=0.3, high=0.95, scale="linear", reason="how much harder the first tuples are"),
            "first_weight": Range(low=0.5, high=0.98, scale="linear", reason="how much real tuples weigh at first"),
        }
        return {
            **base,
            **(calibrated if self.run.calibrate else {}),
            "soft_factor": Range(low=0.01, high=100, relative=True, reason="of the generator's two losses"),
            "generator_learning_rate": Range(low=0.1, high=10, relative=True, reason="it has few steps here"),
        }

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

    def acts_after(self, images: int | None) -> dict[str, int]:
        """Synthetic tuples, after the first block of the averages."""
        if self.run.variant == "base":
            return {}
        if self.run.average_block == "epoch":
            return {} if images is None else {"average_block": images}
        return {"average_block": self.run.average_block * self.run.batch_size}
