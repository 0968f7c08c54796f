"""What is worth searching with HAP2S."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["HAP2SSearch"]


class HAP2SSearch(Search):
    """The search space of HAP2S."""

    def space(self) -> dict[str, Range]:
        """How much harder members of a set weigh, and the margin of the hinge that has one."""
        weighting = {
            "exponential": {"sigma": Range(low=0.05, high=0.5, reason="from nearly one member to nearly all of them")},
            "polynomial": {"alpha": Range(low=2, high=40, reason="from nearly all members to nearly one of them")},
        }
        margin = {"margin": Range(low=0.1, high=0.5, scale="linear", reason="on distances, which end at 2")}
        soft = {"weight_gradient": Range(choices=(True, False), reason="off, no pair is pushed the wrong way")}
        own = weighting.get(self.run.weighting, {})
        if self.run.hinge == "margin":
            return {**own, **margin}
        return own or soft
