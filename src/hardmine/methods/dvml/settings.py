"""Settings of DVML: deep variational metric learning (Lin et al. 2018), as others tell of it, and its controls."""

from typing import Any, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from hardmine.methods.tuple_settings import TupleSettings, given_of

__all__ = ["DVML", "PhaseWeights"]

PhaseWeights = tuple[NonNegativeFloat, NonNegativeFloat, NonNegativeFloat, NonNegativeFloat]

PRESETS: dict[str, dict[str, Any]] = {
    "ours": {},
    "third-party": {"prior_width": 1.0, "scales": "sum", "draws": 20, "head": "linear", "variation_start": 1.0},
}
"""What a preset sets where the run does not."""

BATCH_SIZES = {"npair": 100, "triplet": 120}


class DVML(TupleSettings):
    """Variation within classes as a Gaussian beside the embedding; the metric trains on the sum of both too."""

    diagnostics: ClassVar[tuple[str, ...]] = ("dvml-variation", "dvml-points")

    method: Literal["dvml"]

    variant: Literal["full", "noise", "no-sample", "no-decoder", "no-phase", "one-phase", "base"] = "full"
    """What is left out: noise adds a Gaussian of fixed width, without encoder and decoder; no-sample takes no loss on
    varied embeddings; no-decoder rebuilds nothing; no-phase and one-phase keep to the second or the first phase; base
    trains on the embeddings alone."""
    preset: Literal["ours", "third-party"] = "ours"
    """Defaults for small networks, or values that others quote from the paper (prior of width 1, sums, 20 draws)."""

    batch_size: PositiveInt = 100
    """Images in a batch: two a tuple for npair, three for triplet (120 unless given)."""
    head: Literal["batch-norm-linear", "linear"] = "batch-norm-linear"
    """From features to embeddings, means and variances: one batch norm and three linear layers, or these alone."""

    first_weights: PhaseWeights = (1.0, 1.0, 0.1, 1.0)
    """Weights of divergence, reconstruction, loss on varied embeddings and loss on embeddings, in the first phase, in
    which the reconstruction trains the decoder only."""
    second_weights: PhaseWeights = (0.8, 1.0, 0.2, 0.8)
    """The same in the second phase, in which the reconstruction trains the network too."""
    switch: float = Field(0.5, ge=0, le=1)
    """Share of the steps in the first phase."""

    prior_width: PositiveFloat = 0.1
    """s0: the divergence is from N(0, s0²), and variances start there; embeddings of length 2 drown in a width of 1."""
    noise_width: PositiveFloat = 0.1
    """Deviation of the added Gaussian, for variant: noise."""
    variation_start: PositiveFloat = 0.1
    """Factor on the Glorot weights of the layers of means and variances at the start."""
    sampling: Literal["reparameterised", "constant"] = "reparameterised"
    """Whether losses on samples reach means and variances, or take samples as constants."""
    variation_from: Literal["own", "shuffled"] = "own"
    """Whose variation is added to an embedding in the loss on varied embeddings: its own, or that of the image before
    it in the batch, which is of another class."""
    draws: PositiveInt = 5
    """T: samples of an image that the decoder rebuilds features from; the first is the one the metric loss sees."""

    reconstruction: Literal["squared", "plain"] = "squared"
    """Differences of features count as squared lengths or as lengths."""
    detach_target: bool = True
    """Whether the features to rebuild are constants; else the trunk can lower the loss by shrinking them, in both
    phases."""
    scales: Literal["per-dimension", "sum"] = "per-dimension"
    """Divergence a dimension, and reconstruction a dimension in units of its variance in the batch (1 is no better than
    the mean); or sums over dimensions."""

    decoder_width: PositiveInt = 512
    """Hidden units of the decoder."""
    decoder_batch_norm: bool = True
    """Whether it has a batch norm after its ReLU."""
    decoder_learning_rate: PositiveFloat = 0.003
    """Of the decoder (Adam), constant."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        """Values that depend on others, where the run does not give them."""
        if not isinstance(values, dict):
            return values
        given = given_of(values)
        size = BATCH_SIZES.get(str(given.get("base_loss", "npair")))
        return ({"batch_size": size} if size else {}) | PRESETS.get(str(given.get("preset", "ours")), {}) | given

    @property
    def encodes(self) -> bool:
        """Whether means and variances are learned."""
        return self.variant not in ("noise", "base")

    @property
    def decodes(self) -> bool:
        """Whether features are rebuilt."""
        return self.encodes and self.variant != "no-decoder"

    @property
    def first_share(self) -> float:
        """Share of the steps in the first phase, by variant and ``switch``."""
        return {"no-phase": 0.0, "one-phase": 1.0}.get(self.variant, self.switch)
