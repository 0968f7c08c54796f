"""What is worth tuning."""

from hardmine.settings.ranges import Range
from hardmine.settings.search import Search

__all__ = ["EasyPositiveSearch"]


class EasyPositiveSearch(Search):
    """The temperature; batches are those of ``training.batch``, as the base class has them."""

    def space(self) -> dict[str, Range]:
        """Keys of the method, each with its values and a reason."""
        return {"temperature": Range(low=0.03, high=0.5, reason="how much the hardest negatives weigh")}
