"""What is worth searching with the quadruplet loss, and what a trial must have room for."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["QuadrupletSearch"]


class QuadrupletSearch(Search):
    """The search space of the quadruplet loss."""

    def space(self) -> dict[str, Range]:
        """How large margins are and from when on they adapt, and what the terms are averaged over."""
        adaptive = {
            "factors": Range(
                choices=([1.0, 0.5], [1.0, 1.0], [0.5, 0.25]), reason="the paper's, equal ones, and half as large"
            ),
            "fixed_share": Range(
                low=0, high=0.5, scale="linear", reason="means of a raw embedding say little of a margin"
            ),
        }
        tuples = {"reduction": Range(choices=("violating", "sum"), reason="a sum falls as tuples are learned")}
        return {
            **(adaptive if self.run.margins == "adaptive" else {}),
            **(tuples if self.run.tuples == "all" else {}),
        }

    def acts_after(self, images: int | None) -> dict[str, int]:
        """Adaptive margins, after the steps with fixed ones."""
        if self.run.margins == "fixed":
            return {}
        return {"fixed_share": round(self.run.fixed_share * self.training.images)}
