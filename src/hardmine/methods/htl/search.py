"""What is worth searching with HTL, and what a trial must have room for."""

from typing import Any

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search, balanced_shapes

__all__ = ["HTLSearch"]


class HTLSearch(Search):
    """The search space of HTL."""

    def space(self) -> dict[str, Range]:
        """The margin that is used, and how fine the tree is."""
        levels = Range(choices=(4, 8, 16, 32), reason="how much a distance is rounded up, which is what is asked for")
        by_tree = {
            "beta": Range(low=0.01, high=0.5, reason="asked for beyond the distance that was there"),
            "tree_levels": levels,
        }
        flat = {"flat_margin": Range(low=0.05, high=0.8, reason="decides how many triplets count")}
        late = {"warmup": Range(low=0.05, high=0.5, scale="linear", reason="a tree of a raw embedding misleads")}
        return {**(flat if self.run.margins == "flat" else by_tree), **(late if self.run.needs_tree else {})}

    def batch_shapes(self, most: int) -> list[dict[str, Any]]:
        """Seeds, with groups as they are, and images of a class."""
        images = ("images_per_class", self.run.images_per_class)
        return balanced_shapes(("seeds", self.run.seeds), images, max(1, most // self.run.group))

    @property
    def batch_classes(self) -> int:
        """Of all groups."""
        return self.run.seeds * self.run.group

    @property
    def batch_images(self) -> int:
        """Of all classes."""
        return self.batch_classes * self.run.images_per_class

    def acts_after(self, images: int | None) -> dict[str, int]:
        """The tree, after the warm-up."""
        return {"warmup": round(self.run.warmup * self.training.images)} if self.run.needs_tree else {}
