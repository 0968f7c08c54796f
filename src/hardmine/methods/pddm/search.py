"""What is worth searching with PDDM, and what a trial must have room for."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["PDDMSearch"]


class PDDMSearch(Search):
    """The search space of PDDM."""

    def space(self) -> dict[str, Range]:
        """Margin and weight of the two losses, and how many quadruplets a batch gives."""
        distances = {
            "distance_margin": Range(
                low=0.2,
                high=1,
                scale="linear",
                reason="squared distances end at 4, most lie below 2",
            )
        }
        scores = {"score_weight": Range(low=0.1, high=2, reason="the loss on scores against that on distances")}
        many = {"quadruplets": Range(choices=("per-class", "per-pair"), reason="one a batch is a noisy gradient")}
        return {
            **(distances if self.run.distance_weight else {}),
            **(scores if self.run.score_weight else {}),
            **(many if self.run.quadruplets != "one" else {}),
        }

    def acts_after(self, images: int | None) -> dict[str, int]:
        """The choice of quadruplets, after the first epochs."""
        return {} if images is None else {"warmup_epochs": self.run.warmup_epochs * images}
