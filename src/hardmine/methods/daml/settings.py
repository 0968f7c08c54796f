"""Settings of DAML: deep adversarial metric learning (Duan et al. 2018), its controls and its released code."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from hardmine.methods.tuple_settings import TupleSettings, given_of

__all__ = ["DAML"]

PRESETS: dict[str, dict[str, Any]] = {
    "ours": {},
    "release": {
        "base_loss": "triplet",
        "batches": "independent",
        "routing": "joint",
        "synthetic_share": 1.0,
        "warm_loss": "features",
        "adv_weight": 1.0,
        "feature_scale": "none",
        "features": "embedded",
        "head": "two-layers",
        "generator_width": 512,
        "generator_batch_norm": False,
        "generator_end": "relu",
        "generator_start": "normal",
        "trunk_factor": 0.001,
    },
}
"""What a preset sets where the run does not."""

BATCH_SIZES = {"npair": 100, "triplet": 120}


class DAML(TupleSettings):
    """A small network makes a negative for every tuple that the present metric gets wrong; the metric trains on it."""

    diagnostics: ClassVar[tuple[str, ...]] = ("daml-share", "daml-negatives")

    method: Literal["daml"]

    variant: Literal["full", "midpoint", "closed-form", "permuted", "no-adv", "no-hard", "no-reg", "base"] = "full"
    """What makes the negatives: the generator; or without one the midpoint of anchor and negative, or the point that
    solves the generator's problem; permuted gives each tuple a negative made for another; no-… leaves a term out of the
    generator's loss; base trains on real tuples alone."""
    preset: Literal["ours", "release"] = "ours"
    """Defaults for small networks, or those of the released code (triplets on unit embeddings, both losses to all)."""

    batch_size: PositiveInt = 100
    """Images in a batch: two a tuple for npair, three for triplet (120 unless given)."""
    margin: PositiveFloat = 1.0
    """alpha: a made negative violates where |z_a - z_p|² - |z_a - f(ỹ)|² + alpha > 0; of the triplet loss too."""
    features: Literal["pooled", "embedded"] = "pooled"
    """What a negative is made of: pooled features, or as in the released code a batch norm, a linear layer and unit
    length on top of them."""
    head: Literal["batch-norm-linear", "linear", "two-layers"] = "batch-norm-linear"
    """f, from features to embeddings; two-layers with a ReLU between, both from identity, is the released code's."""
    made_statistics: Literal["real", "own"] = "real"
    """What normalises made features in the head's batch norm: mean and variance of the real batch, or their own, in
    which a shift of all made negatives is invisible."""

    routing: Literal["routed", "joint"] = "routed"
    """The generator gets its loss and the network its own; or, as in the released code, both get the sum of both."""
    stop_gradient: bool = False
    """Whether what enters the generator is a constant to the network's loss."""
    synthetic_share: float = Field(0.5, ge=0, le=1)
    """q: the network's loss is (1 - q)·real + q·made; 1 trains on made negatives only, as the released code does."""
    warm_share: float = Field(0.2, ge=0, lt=1)
    """Share of the steps at the start in which the network trains on real tuples only."""
    warm_loss: Literal["embeddings", "features"] = "embeddings"
    """What these steps train: the embedding, while the generator learns; or features alone, as in the released code,
    while head and generator rest."""
    trunk_factor: PositiveFloat = 1.0
    """Factor on the rate of all of the network but the head after the warm steps."""

    reg_weight: NonNegativeFloat = 1.0
    """lambda1, of the distance between made and real negative."""
    adv_weight: NonNegativeFloat = 50.0
    """lambda2, of the hinge that asks made negatives to violate the margin; 1 in the released code."""
    hinge_factor: PositiveFloat = 0.5
    """c, on the hinges of the triplet loss and of the generator."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over made negatives; sum is said to be the paper's."""
    feature_scale: Literal["batch", "none"] = "batch"
    """Squared distances of features in the generator's loss: divided by the batch's mean between anchors and
    negatives, or as they are."""

    generator_width: PositiveInt = 256
    """Hidden units of the generator."""
    generator_batch_norm: bool = True
    """Whether it has a batch norm after its ReLU."""
    generator_end: Literal["linear", "relu"] = "linear"
    """Whether it ends in a ReLU, which cannot reach features with negative signs."""
    generator_start: Literal["glorot", "normal"] = "glorot"
    """Its weights at the start: Glorot's, or normal with deviation 0.02."""
    generator_learning_rate: PositiveFloat = 0.003
    """Of the generator (Adam), constant; ``training.weight_decay`` applies to it too."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        """Values that depend on others, where the run does not give them."""
        if not isinstance(values, dict):
            return values
        given = given_of(values)
        chosen = PRESETS.get(str(given.get("preset", "ours")), {}) | given
        size = BATCH_SIZES.get(str(chosen.get("base_loss", "npair")))
        return ({"batch_size": size} if size else {}) | chosen

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.routing == "joint" and not self.makes_by_network:
            raise ValueError(f"routing: joint needs a generator, and variant: {self.variant} has none; leave it out")
        if self.variant == "permuted" and self.tuples < (least := {"npair": 3, "triplet": 2}[self.base_loss]):
            raise ValueError(f"batch_size: variant: permuted needs {least} tuples in a batch, to exchange among them")
        return self

    @property
    def makes_by_network(self) -> bool:
        """Whether there is a generator to train."""
        return self.variant not in ("base", "midpoint", "closed-form")
