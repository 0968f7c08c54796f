"""Settings of ABE (Kim et al. 2018) and of its controls."""

from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["ABE"]


class ABE(RunSettings):
    """Learners that share a network and see its middle through masks of their own; a divergence loss keeps them apart.

    The controls are settings: ``learners: 1`` with ``attention: none`` for one plain learner with the same loss,
    ``divergence_weight: 0``, ``attention: frozen`` for masks that do not learn, ``deep_half: own`` with
    ``attention: none`` for plain heads.
    """

    diagnostics: ClassVar[tuple[str, ...]] = ("abe-correlation", "abe-masks", "abe-growth")

    method: Literal["abe"]
    learners: PositiveInt = 4
    """M; each has ``backbone.embedding`` / M dimensions."""
    split: str = "auto"
    """The tap whose map is masked; auto for the last one before the deepest."""
    attention: Literal["learned", "frozen", "none"] = "learned"
    """Masks that learn, masks that stay as they start, or no masks."""
    attention_depth: PositiveInt = 1
    """Blocks (3×3 convolution, batch norm, ReLU) of the body that all masks share; the third-party versions take
    GoogLeNet's inception 4a to 4e."""
    mask_shape: Literal["full", "spatial", "channel"] = "full"
    """A value for each channel and place, for each place, or for each channel."""
    mask_activation: Literal["sigmoid", "relu"] = "sigmoid"
    """Of the masks; the paper's is not verified."""
    mask_gain: PositiveFloat = 1.0
    """Factor on the masks: 2 keeps the scale that a pretrained network without batch norm expects, of which a sigmoid
    at its start leaves half."""
    deep_half: Literal["shared", "own"] = "shared"
    """One set of weights behind the masks for all learners, or one a learner."""
    passes: Literal["folded", "separate"] = "folded"
    """Whether a shared deep half gets the learners' maps as one batch, or one after another: batch norm then has
    statistics for each learner, and keeps mostly those of the last."""
    base_loss: Literal["contrastive", "multi-similarity"] = "contrastive"
    """Of each learner; the latter with alpha 2, beta 50, base 0.5."""
    margin: PositiveFloat = 1.0
    """m_c of the contrastive loss, on squared distances."""
    pairs: Literal["all", "siamese"] = "all"
    """Pairs of the contrastive loss: all of the batch, or for each image one of its class and one of another."""
    divergence: Literal["own-images", "all-images"] = "own-images"
    """Which embeddings are kept apart: those of one image by different learners, or those of any two images too
    (third-party, HORDE's re-implementation)."""
    divergence_weight: NonNegativeFloat = 1.0
    """lambda_div."""
    divergence_margin: float = Field(1.0, gt=0, le=4)
    """m_div, on squared distances of unit vectors: 1 asks for cosines of at most 0.5."""
    divergence_reduction: Literal["mean", "sum", "active"] = "mean"
    """Mean over images and pairs of learners, their sum, or the mean of those above 0."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.learners > 1 and self.attention == "none" and self.deep_half == "shared":
            raise ValueError(
                "attention: none with deep_half: shared makes all learners the same for ever; set learners: 1, or "
                "deep_half: own"
            )
        if self.deep_half == "own" and self.passes == "separate":
            raise ValueError("passes: separate has no effect with deep_half: own")
        if self.pairs == "siamese" and self.base_loss != "contrastive":
            raise ValueError(f"pairs: siamese has no effect on base_loss: {self.base_loss}; set pairs: all")
        if self.divergence == "all-images" and self.divergence_reduction != "active":
            raise ValueError("divergence: all-images is known with divergence_reduction: active only; set it")
        return self
