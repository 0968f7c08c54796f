"""What is worth searching with SmartMining, and what a trial must have room for."""

from typing import Any

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["SmartMiningSearch"]


class SmartMiningSearch(Search):
    """The search space of SmartMining."""

    def space(self) -> dict[str, Range]:
        """What the losses ask for, and how hard the mined triplets are."""
        difficulty = {
            "adaptive": {"target_error": Range(low=0.3, high=0.8, scale="linear", reason="the paper's one free key")},
            "schedule": {"kappa": Range(low=2, high=32, reason="where the scale of the sphere starts")},
            "fixed": {"kappa": Range(low=1, high=16, reason="the scale of the sphere")},
        }
        glob = {
            "global_weight": Range(low=0.2, high=5, reason="against the triplet loss"),
            "global_margin": Range(low=0.003, high=0.3, reason="on quarter squared distances"),
        }
        return {
            "margin": Range(low=0.05, high=0.8, reason="of the ratio loss"),
            **(glob if self.run.global_weight else {}),
            **(difficulty[self.run.kappa_mode] if self.run.mined_share else {}),
        }

    def batch_shapes(self, most: int) -> list[dict[str, Any]]:
        """As many triplets, half, or twice as many."""
        sizes = (self.run.batch_triplets, self.run.batch_triplets // 2, 2 * self.run.batch_triplets)
        return [{"batch_triplets": size} for size in sizes if size >= 2]

    @property
    def batch_classes(self) -> int:
        """Those of one triplet."""
        return 2

    @property
    def batch_images(self) -> int:
        """Three a triplet."""
        return 3 * self.run.batch_triplets

    def acts_after(self, images: int | None) -> dict[str, int]:
        """Mining, after the epochs of random triplets."""
        anchors = self.run.epoch_anchors or images
        if anchors is None or not self.run.mined_share:
            return {}
        return {"random_epochs": 3 * self.run.random_epochs * anchors * self.run.triplets_per_anchor}
