"""What is worth searching with HDML, and what a trial must have room for."""

from hardmine.methods.tuple_search import TupleSearch
from hardmine.settings.ranges import Range

__all__ = ["HDMLSearch"]


class HDMLSearch(TupleSearch):
    """The search space of HDML."""

    def space(self) -> dict[str, Range]:
        """How hard the synthetic tuples are and how much they weigh; of the base loss its own key."""
        base = self.base_space()
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

    def acts_after(self, images: int | None) -> dict[str, int]:
        """Synthetic tuples, after the first block of the averages."""
        if self.run.variant == "base":
            return {}
        if self.run.average_block == "epoch":
            return {} if images is None else {"average_block": images}
        return {"average_block": self.run.average_block * self.run.batch_size}
