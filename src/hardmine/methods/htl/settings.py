"""Settings of HTL: hierarchical triplet loss (Ge et al. 2018), and of its controls."""

from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["HTL"]


class HTL(RunSettings):
    """Triplets with a margin for every pair of classes, by a tree of the classes; batches of neighbouring classes.

    The batch is the method's own: ``seeds`` · ``group`` · ``images_per_class`` images. ``training.batch`` plays no
    part.
    """

    diagnostics: ClassVar[tuple[str, ...]] = ("htl-tree", "htl-margins")

    method: Literal["htl"]

    seeds: PositiveInt = 5
    """l': classes drawn at random for a batch; each brings its neighbours."""
    group: PositiveInt = 5
    """m: a seed and its m - 1 nearest classes."""
    images_per_class: int = Field(4, ge=2)
    """t: images of each class in a batch."""
    sampler: Literal["neighbours", "random", "balanced"] = "neighbours"
    """Where the classes of a batch come from: seeds with their nearest classes; seeds with random classes, else the
    same; or class-balanced batches as other methods have them."""

    margins: Literal["tree", "mean", "flat", "shuffled"] = "tree"
    """The margin of a triplet: by the tree for its two classes; the mean of these over the batch's triplets, which is
    flat; ``flat_margin``; or by the tree with its levels shuffled over the pairs of classes."""
    flat_margin: PositiveFloat = 0.2
    """Of the warm-up and of ``margins: flat``, and the margin at which violating triplets are counted beside."""
    beta: NonNegativeFloat = 0.1
    """Added to every margin of the tree, on squared distances."""
    margin_floor: Literal["none", "zero", "beta"] = "none"
    """Least margin of the tree: none (it may be negative), 0, or ``beta``."""
    distance: Literal["squared", "euclidean"] = "squared"
    """Of the hinge, on unit vectors; the tree is always of squared distances."""

    tree_levels: PositiveInt = 16
    """L: equal steps from the mean spread of a class to 4, the largest squared distance of unit vectors."""
    linkage: Literal["average", "single", "complete", "none"] = "average"
    """Distance of two nodes: mean over their pairs of images, least or largest over their classes; or no tree, each
    pair of classes having the first level above its own distance."""
    rebuild: Literal["each-epoch", "never"] = "each-epoch"
    """Whether the tree is built anew at the start of every epoch, or only once."""
    warmup: float = Field(0.2, ge=0, lt=1)
    """Share of the training images that is spent with ``flat_margin`` on class-balanced batches before the first
    tree."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.training.batch is not None:
            raise ValueError("training.batch has no effect on htl; set seeds, group and images_per_class instead")
        if self.seeds * self.group < 2:
            raise ValueError("seeds and group: a batch of one class has no negatives; make one of them 2 or more")
        return self

    @property
    def classes(self) -> int:
        """Classes in a batch."""
        return self.seeds * self.group

    @property
    def needs_tree(self) -> bool:
        """Whether anything of the run depends on distances of classes."""
        return self.margins != "flat" or self.sampler == "neighbours"
