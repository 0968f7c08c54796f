"""What is worth searching with SCHEM, and what a trial must have room for."""

from typing import Any

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search, balanced_shapes

__all__ = ["SchemSearch"]


class SchemSearch(Search):
    """The search space of SCHEM."""

    def space(self) -> dict[str, Range]:
        """What weighs the losses against each other, and how hard the searches look."""
        classified = {
            "classification_scale": Range(low=1, high=64, reason="the paper has none, which is 1; softmax uses 20"),
            "signature_rate": Range(low=0.5, high=50, reason="signatures follow their classes at a pace of their own"),
        }
        searched = {
            "instance_pool": Range(choices=(2, 5, 10), reason="1 draws the hardest alone, many draw nearly at random")
        }
        return {
            "margin": Range(low=0.05, high=0.8, reason="decides how many triplets count"),
            **(classified if self.run.classification_weight else {}),
            **(searched if self.run.instance_stage == "search" else {}),
        }

    def batch_shapes(self, most: int) -> list[dict[str, Any]]:
        """Groups and their sizes."""
        return balanced_shapes(("groups", self.run.groups), ("group_size", self.run.group_size), most)

    @property
    def batch_classes(self) -> int:
        """One a group."""
        return self.run.groups

    @property
    def batch_images(self) -> int:
        """Of all groups."""
        return self.run.groups * self.run.group_size

    def acts_after(self, images: int | None) -> dict[str, int]:
        """The searches, after the steps with random batches."""
        return {"warmup_steps": self.run.warmup_steps * self.batch_images}
