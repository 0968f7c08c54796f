"""Settings of SCHEM: stochastic class-based hard example mining (Suh et al. 2019), and of its controls."""

from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["SCHEM"]


class SCHEM(RunSettings):
    """One anchor class a batch; hard classes by learned class signatures, then hard images in them, drawn at random.

    The batch is the method's own: ``groups`` · ``group_size`` images. ``training.batch`` plays no part.
    """

    diagnostics: ClassVar[tuple[str, ...]] = ("schem-signature-recall", "schem-violating-share", "schem-hard-pairs")

    method: Literal["schem"]

    groups: int = Field(5, ge=2)
    """K: the batch has room for this many groups, the anchor class's and ``groups`` - 1 of other classes."""
    group_size: int = Field(10, ge=2)
    """eta: images in a group."""
    class_pool: tuple[PositiveInt, ...] = Field((3, 4, 5), min_length=1)
    """alpha: the pool of hard classes has alpha·(``groups`` - 1) of them; one of these is drawn for each batch."""
    instance_pool: PositiveInt = 5
    """beta: the pool of hard images is this many times as large as what is drawn from it."""

    class_stage: Literal["search", "random", "all"] = "search"
    """Which classes may give negatives: those whose signatures are nearest to the anchors, random ones, or all."""
    instance_stage: Literal["search", "random"] = "search"
    """Which of their images: those nearest to the anchors, or random ones: a group from each of ``groups`` - 1 of the
    classes, or images of any class where ``class_stage`` is all."""
    stochastic: bool = True
    """Draw from pools larger than needed; false makes both pools as large as what is needed."""
    warmup_steps: NonNegativeInt = 0
    """Steps with random batches before the searches begin."""
    group_similarity: Literal["max", "mean"] = "max"
    """Similarity of the anchors to a vector: that of the nearest anchor, or the mean over anchors."""
    draw: Literal["without-replacement", "with-replacement"] = "without-replacement"
    """How images are drawn from the pool of hard images."""
    anchor_choice: Literal["image", "class"] = "image"
    """The anchor class: that of a uniformly drawn image, or each class in turn, shuffled anew each time round."""
    anchor_shortfall: Literal["shrink", "repeat"] = "shrink"
    """An anchor class with fewer than ``group_size`` images: a smaller group, or images repeated."""

    max_age: NonNegativeInt | Literal["unlimited"] = 117
    """Steps that an embedding in the bank may be old when the image search reads it; 0 embeds afresh at every step."""
    refresh_epochs: NonNegativeInt = 0
    """Embed all training images anew every so many epochs; 0 for never after the first pass."""
    bank_precision: Literal["float32", "float16"] = "float32"
    """How the bank stores embeddings; searches are in float32."""
    mining_mode: Literal["eval", "train"] = "eval"
    """Embeddings for mining: plain images in evaluation mode, or augmented images in training mode."""
    mining_lag: Literal[0, 1] = 0
    """1 mines each batch one step ahead, with the weights before the running step."""
    negative_view: Literal["independent", "same"] = "independent"
    """What is trained on: negatives augmented anew, or plain, as they were when the search scored them."""

    distance: Literal["squared", "cosine", "euclidean"] = "squared"
    """Of the triplet loss, on unit vectors: 2 - 2S, 1 - S, or the root of 2 - 2S."""
    margin: PositiveFloat = 0.2
    """On that distance."""
    triplet_scope: Literal["anchor-class", "batch"] = "anchor-class"
    """Anchors and positives of the anchor class only, or every triplet of the batch."""
    triplet_mean: Literal["violating", "all"] = "violating"
    """Mean over triplets that violate the margin, or over all."""
    classification_weight: float = Field(1.0, ge=0)
    """Weight of the classification loss; 0 leaves the signatures as initialised."""
    classification_scale: PositiveFloat = 1.0
    """Factor on its cosines, one over the temperature; the paper has none."""
    classification_scope: Literal["batch", "anchors"] = "batch"
    """Images that it is taken over."""
    signature_start: Literal["random", "class-mean"] = "random"
    """Signatures at the start: random unit vectors, or the mean embeddings of the classes."""
    signature_renormalise: bool = True
    """Bring the signatures back to length 1 after every step, which keeps the speed at which they turn."""
    signature_rate: PositiveFloat = 1.0
    """Learning rate of the signatures as a multiple of the network's."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.training.batch is not None:
            raise ValueError("training.batch has no effect on schem; set groups and group_size instead")
        if self.class_stage == "search" and not self.classification_weight and self.signature_start == "random":
            raise ValueError(
                "class_stage: search needs signatures that mean something; set classification_weight above 0, "
                "signature_start: class-mean, or class_stage: random"
            )
        if self.mining_mode == "train" and self.negative_view == "same":
            raise ValueError("negative_view: same needs mining_mode: eval, since augmented images are not kept")
        return self
