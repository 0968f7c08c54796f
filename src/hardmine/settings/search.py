"""What tuning needs to know of a method: which keys are worth searching, and what a trial must have room for.

Apart from the settings that decide results, so that a range can be edited without training anything anew.
"""

from typing import Any

from .ranges import Range
from .run import RunSettings
from .training import Training

__all__ = ["Search", "balanced_shapes"]


class Search:
    """The search space of a run; methods override what is different with them.

    Args:
        run: settings of the method.
        training: the run's section of training.
    """

    def __init__(self, run: RunSettings, training: Training) -> None:
        self.run: Any = run
        self.training = training

    def space(self) -> dict[str, Range]:
        """Keys of the method that are worth searching, at most five, each with its values and a reason."""
        return {}

    def batch_shapes(self, most: int) -> list[dict[str, Any]]:
        """Shapes of a batch that are worth trying, the run's own first; each a few keys with their values.

        Args:
            most: classes that a batch may have.
        """
        batch = self.training.batch
        classes, members = "training.batch.classes", "training.batch.images_per_class"
        return balanced_shapes((classes, batch.classes), (members, batch.images_per_class), most)

    @property
    def batch_classes(self) -> int:
        """Classes that there must be for a batch."""
        return self.training.batch.classes

    @property
    def batch_images(self) -> int:
        """Training images in a step."""
        return self.training.batch.classes * self.training.batch.images_per_class

    def acts_after(self, images: int | None) -> dict[str, int]:
        """Training images after which each mechanism begins that does not act at once, by the key that delays it.

        Args:
            images: of the training classes, where that is known.
        """
        return {}


def balanced_shapes(classes: tuple[str, int], members: tuple[str, int], most: int) -> list[dict[str, Any]]:
    """The shape of a class-balanced batch; half as many classes; and as many images of fewer, or more, classes.

    Args:
        classes: key and number of the classes.
        members: key and number of the images of a class.
        most: number of classes.
    """
    (of, count), (each, size) = classes, members
    shapes = [(count, size), (count // 2, size), (count // 2, 2 * size), (2 * count, size // 2)]
    fitting = [
        (many, some)
        for many, some in dict.fromkeys(shapes)
        if (many, some) == shapes[0] or (2 <= many <= most and some >= 2)
    ]
    return [{of: many, each: some} for many, some in fitting]
