"""Settings of HDML: hardness-aware metric learning (Zheng et al. 2019), and of its base losses."""

from typing import Any, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from hardmine.methods.tuple_settings import TupleSettings, given_of

__all__ = ["HDML"]

PRESETS: dict[str, dict[str, Any]] = {
    "code": {"metric_average": "weighted-with-decay", "average_block": 64, "batch_norm_statistics": "both"},
    "paper": {"metric_average": "metric", "average_block": "epoch", "batch_norm_statistics": "real-only"},
}
"""The readings of the paper: what a preset sets where the run does not."""

BY_BASE_LOSS: dict[str, dict[str, Any]] = {
    "npair": {"alpha": 90.0, "batch_size": 128},
    "triplet": {"alpha": 7.0, "batch_size": 120},
}
"""Published values that depend on the base loss."""

_TRUE = {"true", "1", "on", "yes", "y", "t"}
"""What a field of type bool takes as true."""


class HDML(TupleSettings):
    """Real tuples made harder in the embedding space, brought back to features by a generator, and trained on too."""

    diagnostics: ClassVar[tuple[str, ...]] = ("hdml-hardness", "hdml-losses", "hdml-negatives")

    method: Literal["hdml"]

    variant: Literal["full", "no-pull", "no-soft", "no-recon", "no-balance", "base"] = "full"
    """What is left out: the pulling, the generator's classification or reconstruction loss, the balance (both halves
    weigh the same), or everything but the base loss."""
    preset: Literal["code", "paper"] = "code"
    """Which reading of the paper gives ``metric_average``, ``average_block`` and ``batch_norm_statistics``."""

    head: Literal["batch-norm-linear", "linear"] = "batch-norm-linear"
    """From features to embeddings: batch norm and a linear layer, or the layer alone as other methods have it."""
    batch_norm_statistics: Literal["both", "real-only"] = "both"
    """What updates these running statistics: real and synthetic features, or real ones."""

    weight_decay: NonNegativeFloat = 0.005
    """rho, of the sum of squares over the network's weights, batch norms left out."""
    weight_decay_form: Literal["in-loss", "decoupled"] = "in-loss"
    """Added to the metric loss as rho/2·|v|² and so part of the averages, or applied by the optimiser (AdamW)."""

    calibrate: bool = False
    """Choose alpha and beta when the first block of the averages is complete: until then there are no synthetic tuples
    in the loss, then lambda is ``first_lambda`` and the weight ``first_weight``. The values go to the history."""
    first_lambda: float = Field(0.5, gt=0, lt=1)
    """lambda at the first block's average, for ``calibrate``."""
    first_weight: float = Field(0.82, gt=0, lt=1)
    """Weight of the real tuples at the first block's average, for ``calibrate``."""
    alpha: NonNegativeFloat | None = None
    """Hardness: lambda = exp(-alpha / average metric loss); 90 for npair and 7 for triplet unless given."""
    beta: NonNegativeFloat | None = None
    """Balance: weight of the real tuples = exp(-beta / average generator loss); 10,000 unless given."""
    metric_average: Literal["weighted-with-decay", "with-decay", "metric"] = "weighted-with-decay"
    """What feeds the average metric loss: the real tuples' loss with weight decay and times its weight, with weight
    decay only, or alone."""
    average_block: PositiveInt | Literal["epoch"] = 64
    """Steps of which an average is taken; it is replaced when a block is complete."""
    stop_gradient: Literal["none", "pull", "lambda0"] = "none"
    """What is a constant to the metric loss on synthetic tuples: nothing, all that enters the generator, or the
    factor lambda0 alone."""

    generator_width: PositiveInt = 512
    """Hidden units of the generator."""
    generator_learning_rate: PositiveFloat = 0.01
    """Of the generator (Adam)."""
    classifier_learning_rate: PositiveFloat = 0.001
    """Of the classifier of features (Adam)."""
    generator_schedule: Literal["constant", "same"] = "constant"
    """Learning rates of generator and classifier: constant, or by ``training.schedule``."""
    soft_share: float = Field(0.5, ge=0, le=1)
    """l: the generator loss is (1 - l)·reconstruction + l·``soft_factor``·cross-entropy."""
    soft_factor: NonNegativeFloat = 10000.0
    """Factor on the cross-entropy of the classifier on synthetic features."""
    reconstruction: Literal["sum", "mean"] = "sum"
    """Squared differences of features summed over the batch and all dimensions, or their mean."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        """Values that depend on others, where the run does not give them."""
        if not isinstance(values, dict):
            return values
        given = given_of(values)
        chosen = PRESETS.get(str(given.get("preset", "code")), {}) | BY_BASE_LOSS.get(
            str(given.get("base_loss", "npair")), {}
        )
        chosen = chosen | {"beta": 10000.0}
        if str(given.get("calibrate")).lower() in _TRUE:
            if "alpha" in given or "beta" in given:
                raise ValueError("calibrate: true chooses alpha and beta; leave them out, or set calibrate: false")
            chosen = {key: value for key, value in chosen.items() if key not in ("alpha", "beta")}
        elif (given.get("metric_average") or chosen.get("metric_average")) == "metric" and "alpha" not in given:
            raise ValueError(
                "alpha: the published values belong to averages with weight decay, and with metric_average: metric "
                "they would make lambda 0; set alpha (about the loss itself: 1 to 5 for npair) or calibrate: true"
            )
        return chosen | given
