"""What is worth searching with HDC, and what a trial must have room for."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["HDCSearch"]

_SHARES = {
    1: ((1.0,), (0.5,), (0.2,)),
    2: ((1.0, 0.2), (1.0, 0.5), (0.8, 0.3)),
    3: ((1.0, 0.5, 0.2), (1.0, 0.8, 0.5), (0.8, 0.4, 0.1), (0.5, 0.3, 0.1)),
}
"""Shares of pairs that tuning tries, by the number of levels; the paper's first."""


class HDCSearch(Search):
    """The search space of HDC."""

    def space(self) -> dict[str, Range]:
        """What decides which pairs count, and how much; how far mining goes where there is any."""
        mined = {
            "ratios": Range(
                choices=tuple(list(shares) for shares in _SHARES[len(self.run.ratios)]),
                reason="from gentle to strict mining",
            )
        }
        return {
            "margin": Range(low=0.3, high=1.8, scale="linear", reason="squared distances of unit vectors end at 4"),
            "negative_factor": Range(low=1, high=30, reason="the paper's 10 belongs to its own shares of pairs"),
            **(mined if min(self.run.ratios) < 1 else {}),
        }

    def acts_after(self, images: int | None) -> dict[str, int]:
        """Mining, after the warm epochs."""
        return {} if images is None else {"warm_epochs": self.run.warm_epochs * images}
