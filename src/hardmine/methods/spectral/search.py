"""What is worth searching with deep spectral clustering, and with its controls."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["SpectralSearch"]

HEADS = (16, 25, 50)
"""Of these the loss takes what is less than the images of every batch that is tried, half of the plan's among them."""


class SpectralSearch(Search):
    """The search space of deep spectral clustering."""

    def space(self) -> dict[str, Range]:
        """The dimensions that the loss sees; for triplets their margin."""
        if self.run.objective == "triplet":
            return {"margin": Range(low=0.05, high=0.8, reason="decides how many triplets of a batch count")}
        if self.run.objective == "softmax" or not self.run.head:
            return {}
        batch = self.training.batch
        least = batch.classes // 2 * batch.images_per_class
        fitting = tuple(head for head in HEADS if head < least) if self.run.objective == "spectral" else HEADS
        if not fitting:
            return {}
        return {"head": Range(choices=fitting, reason="fewer have a floor, more leave spread within classes free")}
