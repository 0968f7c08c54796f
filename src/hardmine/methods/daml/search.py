"""What is worth searching with DAML, and what a trial must have room for."""

from hardmine.methods.tuple_search import TupleSearch
from hardmine.settings.ranges import Range

__all__ = ["DAMLSearch"]


class DAMLSearch(TupleSearch):
    """The search space of DAML."""

    def space(self) -> dict[str, Range]:
        """How hard made negatives are and how much they weigh; of a rival its weight and the scale of the head."""
        share = {
            "synthetic_share": Range(
                low=0.05, high=0.7, scale="linear", reason="how much made negatives weigh beside real ones"
            )
        }
        if self.run.variant == "base":
            return self.base_space()
        if self.run.variant in ("midpoint", "closed-form", "permuted"):
            start = {"head_start": Range(low=0.1, high=1, reason="how far apart scores begin")}
            return {**share, **(start if self.run.head != "two-layers" else self.base_space())}
        adversary = {"adv_weight": Range(low=0.5, high=100, reason="how near to the anchor negatives are made")}
        return {
            **(adversary if self.run.variant != "no-adv" else {}),
            "generator_learning_rate": Range(low=0.001, high=0.03, reason="it has few steps to reach its aim"),
            **share,
            "generator_batch_norm": Range(choices=(True, False), reason="the released code has none"),
        }

    def acts_after(self, images: int | None) -> dict[str, int]:
        """Made negatives, after the steps on real tuples only."""
        return {} if self.run.variant == "base" else {"warm_share": round(self.run.warm_share * self.training.images)}
