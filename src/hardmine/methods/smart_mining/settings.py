"""Settings of Smart Mining (Harwood et al. 2017) and of its ablations."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["SmartMining"]

Share = Annotated[float, Field(ge=0, le=1)]
Scale = Annotated[float, Field(ge=1)]


class SmartMining(RunSettings):
    """Triplets mined once an epoch outside an exclusion sphere, with a global loss and a controller of difficulty.

    The batch is the method's own: 3 · ``batch_triplets`` images. ``training.batch`` plays no part.
    The paper's ablations are settings: ``mined_share: 0`` for random triplets, ``global_weight: 0`` for no global
    loss, ``kappa_mode: schedule`` or ``fixed`` for no controller.
    """

    diagnostics: ClassVar[tuple[str, ...]] = (
        "smart-mining-controller",
        "smart-mining-distances",
        "smart-mining-convergence",
    )

    method: Literal["smart-mining"]

    batch_triplets: int = Field(64, ge=2)
    """Triplets in a batch; each has its own three images."""
    mined_share: float = Field(0.75, ge=0, le=1)
    """rho: share of a batch that is mined, the rest being random triplets; 0 for random triplets throughout."""
    random_epochs: NonNegativeInt = 2
    """Epochs of random triplets before mining begins."""
    epoch_anchors: NonNegativeInt = 0
    """Anchors in an epoch, and so between two refreshes, rounded down to whole batches; 0 for every image once."""
    triplets_per_anchor: PositiveInt = 1
    """Triplets of each anchor in an epoch, with different negatives."""

    index: Literal["exact", "hnsw", "nsg", "fanng"] = "exact"
    """How neighbours are found: every distance, or one of three approximate graphs; fanng is the paper's, and slow."""
    k: PositiveInt | Literal["auto"] = "auto"
    """Neighbours in a list, at most all others; auto is three times the largest class and 64 more."""
    search_width: PositiveInt | Literal["auto"] = "auto"
    """Breadth of a search in a graph: efSearch of hnsw, search_L of nsg, vertices expanded by fanng; auto is 2k,
    for nsg 4k."""
    bound: Literal["at-least", "beyond"] = "at-least"
    """Whether a neighbour exactly on the sphere is used (the paper's algorithm) or not (its equation)."""
    fallback_positive: Literal["outside-list", "not-in-positives"] = "outside-list"
    """Where no listed positive lies behind the negative: one from outside the list, or any that the walk left aside."""
    outside_empty: Literal["random-triplet", "farthest-positive", "skip"] = "random-triplet"
    """Where that leaves no positive: a random triplet, the farthest listed positive, or another anchor's triplet."""
    negative_order: Literal["near-first", "far-first"] = "near-first"
    """Which negative outside the sphere comes first."""

    kappa_mode: Literal["adaptive", "schedule", "fixed"] = "adaptive"
    """Scale of the sphere: by the controller, falling geometrically over the mined epochs, or constant."""
    kappa: PositiveFloat = 16.0
    """Scale on squared distances: the constant of ``fixed``, the start of ``schedule``; below 1 it acts as 1."""
    kappa_end: PositiveFloat = 1.0
    """Where ``schedule`` ends, in the last epoch."""
    kappa_max: float = Field(64.0, ge=1)
    """Largest scale the controller may choose."""
    target_error: float = Field(0.6, gt=0, lt=1)
    """Share of violating triplets that the controller aims at."""
    error_scope: Literal["all", "mined"] = "all"
    """Whose violations the controller looks at: all triplets of the epoch, or the mined ones."""
    window: PositiveInt | Literal["all"] = 5
    """Mined epochs that the controller's line is fitted to."""

    prior: tuple[tuple[Share, Scale], tuple[Share, Scale]] = ((0.9, 1.0), (0.3, 16.0))
    """Two pairs (error, kappa) that the controller starts from, until it has measured three epochs."""
    line: Literal["fitted", "prior-slope"] = "fitted"
    """The controller's line: fitted to the window, or with the prior's slope through the last epoch's measurement."""

    margin: PositiveFloat = 0.2
    """Of the ratio triplet loss, on distances."""
    global_weight: float = Field(1.0, ge=0)
    """Weight of the global loss; 0 leaves it out."""
    global_margin: float = Field(0.01, ge=0)
    """Gap wanted between the means of quarter squared distances."""
    separation_weight: float = Field(0.8, ge=0)
    """lambda: weight of the means against the variances in the global loss; the paper does not say."""
    global_scope: Literal["batch", "running"] = "batch"
    """Means of the global loss: the batch's, or running ones whose gradient is the batch's."""
    global_momentum: float = Field(0.9, ge=0, lt=1)
    """Share of the old value in a running mean."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.training.batch is not None:
            raise ValueError("training.batch has no effect on smart-mining; set batch_triplets instead")
        (low_error, large), (high_error, small) = sorted(self.prior)
        if not (high_error - low_error >= 0.01 and large > small):
            raise ValueError(
                "prior: the errors of the two pairs must differ by 0.01 or more, and the larger error needs the "
                "smaller kappa, for example [[0.9, 1], [0.3, 16]]"
            )
        return self
