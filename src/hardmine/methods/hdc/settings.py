"""Settings of HDC: hard-aware deeply cascaded embedding (Yuan, Yang and Zhang, ICCV 2017)."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, model_validator

from hardmine.settings.base import Settings
from hardmine.settings.run import RunSettings

__all__ = ["HDC", "RateMultipliers"]

_ALIASES = {"code": "own", "paper": "nested_prev"}


def _selection(value: Any) -> Any:
    return _ALIASES.get(value, value) if isinstance(value, str) else value


def _list_length(value: Any) -> Any:
    """``off`` is 0."""
    return 0 if value == "off" else value


Selection = Annotated[
    Literal["own", "nested_prev", "nested_own"],
    BeforeValidator(_selection, json_schema_input_type=Literal["own", "nested_prev", "nested_own", "code", "paper"]),
]
Ratio = Annotated[float, Field(gt=0, le=1)]


class RateMultipliers(Settings):
    """Factors on the learning rate, one a group of parameters."""

    trunk_weights: float = Field(default=1.0, ge=0)
    """Weights of the backbone."""
    trunk_biases: float = Field(default=2.0, ge=0)
    """Biases of the same."""
    embedding_weights: float = Field(default=10.0, ge=0)
    """Weights of the last layer of each head, the only new one in the paper."""
    embedding_biases: float = Field(default=20.0, ge=0)
    """Biases of the same."""
    head_weights: float | None = Field(default=None, ge=0, exclude_if=lambda value: value is None)
    """Weights of the heads below that layer. Unless given that of ``embedding_weights`` where the heads start from
    random numbers, as the released code trains what is new, and that of ``trunk_weights`` where they are taken over
    from another run, as it trains what is pretrained."""
    head_biases: float | None = Field(default=None, ge=0, exclude_if=lambda value: value is None)
    """Biases of the same, with ``embedding_biases`` and ``trunk_biases``."""

    def with_heads(self, new: bool) -> "RateMultipliers":
        """The factors with those of the heads filled in.

        Args:
            new: whether the heads start from random numbers.
        """
        like = ("embedding_weights", "embedding_biases") if new else ("trunk_weights", "trunk_biases")
        given = (self.head_weights, self.head_biases)
        weights, biases = (getattr(self, key) if own is None else own for key, own in zip(like, given, strict=True))
        return self.model_copy(update={"head_weights": weights, "head_biases": biases})


class SuperCategories(Settings):
    """Batches from a few super-categories at a time, as the released code has them on large data sets."""

    folders: PositiveInt
    """Folders at the start of an image's path in items.csv that name its super-category: 1 on products, 3 on inshop."""
    together: PositiveInt = 2
    """Super-categories that are drawn together."""
    classes: PositiveInt = 10
    """Classes drawn in each of them, with all their images."""
    chances: Literal["images", "equal"] = "images"
    """Chances of super-categories and of classes: by their images (released for products), or equal (for inshop)."""


class HDC(RunSettings):
    """One network tapped at several depths; deeper levels train on fewer and harder pairs."""

    levels: ClassVar[tuple[str, ...]] = ("level1", "level2", "level3", "equal-weights")
    test_time: ClassVar[frozenset[str]] = frozenset({"test_weights"})
    diagnostics: ClassVar[tuple[str, ...]] = ("hdc-losses", "hdc-pairs", "hdc-training")

    method: Literal["hdc"]
    ratios: tuple[Ratio, ...] = Field((1.0, 0.5, 0.2), min_length=1, max_length=3)
    """The share h of pairs each level keeps, shallow to deep; its length is the number of levels, 1 to 3."""
    taps: tuple[str, ...] = ()
    """Taps of the backbone, shallow to deep, one a ratio; empty for the deepest ones it has."""
    selection: Selection = "own"
    """own (alias code): every level ranks all pairs by its own loss, as released. nested_prev (alias paper): among the
    pairs kept above, the hardest under the loss of the level above. nested_own: among the pairs kept above, the hardest
    under the own loss."""
    ratio_base: Literal["all", "previous"] = "all"
    """What a ratio is a share of: all pairs of the batch, or the pairs the level above kept."""
    neg_counting: Literal["ordered", "unordered"] = "ordered"
    """How the denominator counts active negatives: c+ + 2c-, as released, or c+ + c-."""
    legacy_grad: bool = False
    """Multiply each level's gradient by 2 / triplet accuracy, as the code did before its correction of March 2017."""
    margin: PositiveFloat = 1.0
    """m, on the squared distance of unit vectors: negatives beyond it count as solved."""
    negative_factor: PositiveFloat = 10.0
    """f, the weight of negative pairs."""
    warm_epochs: int = Field(0, ge=0)
    """Epochs at the start in which every level keeps all pairs; 0 in the paper."""
    fixed_list: Annotated[int, Field(ge=0), BeforeValidator(_list_length)] = 0
    """Draw so many batches once and go through them in turn (5000 or 10000 in the released code); 0 or "off" for fresh
    batches."""
    super_categories: SuperCategories | None = Field(None, exclude_if=lambda value: value is None)
    """Draw classes within a few super-categories and cut all their images into batches of the size that training.batch
    gives; with fixed_list so many draws once. Left out: batches have the shape of training.batch."""
    sgd_style: Literal["torch", "caffe"] = "torch"
    """With training.optimiser sgd: where the learning rate enters, at the update (torch) or inside the momentum
    (caffe). They differ only after the rate changed."""
    aux_init: Literal["pretrained", "random"] = "pretrained"
    """With weights from another run of hdc: whether heads take what that run has for them, or start from random
    numbers, as they do wherever there is no such run; records say which."""
    head_channels: PositiveInt = 16
    """Channels of the 1×1 convolution in the heads of all levels but the last; 128 in the paper."""
    head_features: PositiveInt = 128
    """Outputs of the first fully connected layer in the same heads; 1024 in the paper."""
    head_dropout: float = Field(0.7, ge=0, lt=1)
    """Dropout before the embedding layer of the same heads."""
    last_dropout: float = Field(0.4, ge=0, lt=1)
    """Dropout before the embedding layer of the last level."""
    rate_multipliers: RateMultipliers = RateMultipliers()
    """Factors on training.learning_rate."""
    test_weights: tuple[PositiveFloat, ...] = ()
    """Weights of the unit level embeddings before they are joined, one a level; empty for 1, 2, 3 by depth, the
    released ones for Cars196. The epoch is always chosen with the latter, so that a change needs no training."""

    @model_validator(mode="after")
    def _one_entry_a_level(self) -> "HDC":
        for name in ("taps", "test_weights"):
            given = len(getattr(self, name))
            if given not in (0, len(self.ratios)):
                raise ValueError(
                    f"{name} has {given} entries and ratios has {len(self.ratios)}; give one a level, or none"
                )
        if len(set(self.taps)) != len(self.taps):
            raise ValueError(f"taps {list(self.taps)} names a tap twice; give each level its own")
        return self

    def started_from(self, origin: RunSettings | None) -> Self:
        """With ``aux_init`` and the rates of the heads as they come out."""
        new = self.aux_init == "random" or not isinstance(origin, HDC)
        rates = self.rate_multipliers.with_heads(new)
        return self.model_copy(update={"aux_init": "random" if new else "pretrained", "rate_multipliers": rates})

    @property
    def weights_of_levels(self) -> tuple[float, ...]:
        """The test weights, one a level."""
        return self.test_weights or tuple(float(level) for level in range(1, len(self.ratios) + 1))
