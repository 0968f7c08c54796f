"""What is worth searching with deep spectral clustering, and with its controls."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["SpectralSearch"]


class SpectralSearch(Search):
    """The search space of deep spectral clustering."""

    def space(self) -> dict[str, Range]:
        """The dimensions that the loss sees; for triplets their margin."""
        if self.run.objective == "triplet":
            return {"margin": Range(low=0.05, high=0.8, reason="decides how many triplets of a batch count")}
        if self.run.objective == "softmax" or not self.run.head:
            return {}
        return {"head": Range(choices=(16, 25, 50), reason="fewer have a floor, more leave spread within classes free")}
