"""What is worth searching with BIER."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["BIERSearch"]


class BIERSearch(Search):
    """The search space of BIER."""

    def space(self) -> dict[str, Range]:
        """What negatives cost, how groups boost each other, and where classes part or how hard the adversary pulls."""
        run = self.run
        boosts = run.boosting == "own" or (run.boosting != "none" and len(run.groups) > 1)
        boosting = {"shrinkage": Range(low=0.01, high=1, reason="how much the next group sees of the ones before")}
        boundary = {"boundary": Range(low=0.2, high=0.7, scale="linear", reason="the cosine that parts the classes")}
        diversity = {"diversity_weight": Range(low=0.0001, high=0.01, reason="the game is lost or idle outside a band")}
        plays = run.diversity == "adversarial" and run.adversary == "reversed"
        return {
            "negative_cost": Range(low=1, high=50, reason="what a negative weighs beside a positive"),
            **(boosting if boosts else {}),
            **(diversity if plays else boundary),
        }
