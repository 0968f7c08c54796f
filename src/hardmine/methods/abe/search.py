"""What is worth searching with ABE."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["ABESearch"]


class ABESearch(Search):
    """The search space of ABE."""

    def space(self) -> dict[str, Range]:
        """How hard and how far learners are pushed apart, and the margin of their own loss."""
        divergence = {
            "divergence_weight": Range(low=0.01, high=2, reason="against the learners' own losses"),
            "divergence_margin": Range(low=0.2, high=1.5, scale="linear", reason="how far apart is far enough"),
        }
        margin = {"margin": Range(low=0.3, high=1.5, scale="linear", reason="on squared distances of unit vectors")}
        return {
            **(divergence if self.run.learners > 1 and self.run.divergence_weight else {}),
            **(margin if self.run.base_loss == "contrastive" else {}),
        }
