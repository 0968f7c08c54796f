"""What is worth searching with the facility-location loss."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["FacilityLocationSearch"]


class FacilityLocationSearch(Search):
    """The search space of the facility-location loss."""

    def space(self) -> dict[str, Range]:
        """The weight of the margin, or the distance of the plain push."""
        distance = {"distance": Range(choices=("l2", "squared"), reason="sources disagree; squared spares near images")}
        if self.run.push == "contrastive":
            return {"push_margin": Range(low=0.3, high=1.8, scale="linear", reason="distances end at 2"), **distance}
        if not self.run.gamma:
            return distance
        return {"gamma": Range(low=0.1, high=30, reason="published values span orders of magnitude"), **distance}
