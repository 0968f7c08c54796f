"""What is worth searching with the adapted triplet loss."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["AdaptedTripletSearch"]


class AdaptedTripletSearch(Search):
    """The search space of the adapted triplet loss."""

    def space(self) -> dict[str, Range]:
        """The margin, and the weight of the penalty where there is one."""
        margin = {"margin": Range(low=0.05, high=0.8, reason="decides how many triplets count")}
        if not self.run.weight:
            return margin
        return {**margin, "weight": Range(low=0.01, high=10, reason="the paper's is not known, others have 0.3 to 2")}
