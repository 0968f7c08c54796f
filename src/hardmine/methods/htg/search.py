"""What is worth searching with HTG, and what a trial must have room for."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["HTGSearch"]


class HTGSearch(Search):
    """The search space of HTG."""

    def space(self) -> dict[str, Range]:
        """How far points may go, how fast both sides of the game learn, and how much made triplets weigh."""
        run = self.run
        if run.variant in ("base", "identity"):
            return {"margin": Range(low=0.05, high=0.8, reason="decides how many triplets count")}
        judged = {
            "class_weight": Range(low=0.1, high=10, reason="how far points may go before they lose their class"),
            "discriminator_learning_rate": Range(
                low=0.003, high=0.1, reason="at the default rate it stays at chance in short trainings"
            ),
        }
        return {
            **(judged if run.discriminates else {}),
            **(
                {"generator_learning_rate": Range(low=0.0001, high=0.003, reason="against the discriminator's")}
                if run.generates
                else {}
            ),
            **(
                {"step_length": Range(low=0.02, high=0.5, reason="on the unit sphere, where triplets are 0 to 2 apart")}
                if run.variant in ("step", "random")
                else {}
            ),
            **(
                {"synthetic_share": Range(low=0.1, high=0.7, scale="linear", reason="how much made triplets weigh")}
                if run.variant != "d-only"
                else {}
            ),
        }

    def acts_after(self, images: int | None) -> dict[str, int]:
        """Made triplets, after the steps on real ones only."""
        return {} if self.run.variant == "base" else {"warm_share": round(self.run.warm_share * self.training.images)}
