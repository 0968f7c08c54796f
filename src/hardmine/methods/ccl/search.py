"""What is worth searching with the coupled clusters loss, and what a trial must have room for."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["CCLSearch"]


class CCLSearch(Search):
    """The search space of the coupled clusters loss."""

    def space(self) -> dict[str, Range]:
        """The margin, and how many negatives a class has; the pull alone has neither."""
        margin = {"margin": Range(low=0.1, high=0.5, scale="linear", reason="on squared distances to the centre")}
        many = {"negative": Range(choices=("nearest", "all"), reason="the nearest alone gives few gradients")}
        if self.run.negative == "none":
            return {}
        return {**margin, **(many if self.run.anchor == "centre" and self.run.negative != "random" else {})}

    def acts_after(self, images: int | None) -> dict[str, int]:
        """The loss on clusters, after the epochs in which the branch of the attribute learns alone."""
        if images is None or self.run.network == "single" or not self.run.attribute_weight:
            return {}
        return {"attribute_epochs": self.run.attribute_epochs * images}
