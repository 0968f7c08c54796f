"""What is worth searching with DREML, and which batches it has."""

from typing import Any

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["DREMLSearch"]


class DREMLSearch(Search):
    """The search space of DREML."""

    def space(self) -> dict[str, Range]:
        """How logits are scaled; how many networks take turns, where more of them cost no more."""
        scale = {
            "classes": {"temperature": Range(low=0.02, high=0.2, reason="how many other classes a gradient reaches")},
            "meta-classes": {"logits": Range(choices=("plain", "unit"), reason="released versions disagree")},
        }
        turns = {"learners": Range(choices=(2, 4, 8), reason="more networks against more steps of each, at one cost")}
        return {**scale[self.run.targets], **(turns if self.run.budget == "shared" else {})}

    def batch_shapes(self, most: int) -> list[dict[str, Any]]:
        """As many images, half, or twice as many: which classes they are of is left to chance."""
        batch = self.training.batch
        sizes = (batch.images_per_class, batch.images_per_class // 2, 2 * batch.images_per_class)
        key = "training.batch.images_per_class"
        return [{"training.batch.classes": batch.classes, key: size} for size in sizes if size >= 2]

    @property
    def batch_classes(self) -> int:
        """Any will do."""
        return 1
