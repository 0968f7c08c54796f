"""Settings of HAP2S: hard-aware point-to-set distances (Yu et al. 2018), and of its controls."""

from typing import ClassVar, Literal, Self

from pydantic import PositiveFloat, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["HAP2S"]


class HAP2S(RunSettings):
    """Every image against the set of its positives and that of its negatives, harder members weighing more."""

    diagnostics: ClassVar[tuple[str, ...]] = ("hap2s-members", "hap2s-distances")

    method: Literal["hap2s"]

    weighting: Literal["exponential", "polynomial", "uniform"] = "exponential"
    """Weights by distance d: exp(d/sigma) for positives and exp(-d/sigma) for negatives; (1 + d)^alpha and
    (1 + d)^(-``negative_power``·alpha); or all the same, the control."""
    sigma: PositiveFloat = 0.1
    """Of the exponential weights, in units of d; 0.5 in third-party code. Near 0 only the hardest member counts."""
    alpha: PositiveFloat = 10.0
    """Of the polynomial weights."""
    negative_power: PositiveFloat = 2.0
    """Factor on alpha for negatives; 2 is third-party code's alone."""
    weight_gradient: bool = True
    """Whether the weights are differentiated too; else they are constants, and no pair is pushed the wrong way."""
    order: Literal["hardness", "permuted"] = "hardness"
    """permuted hands the weights of a set to its members in random order: the same spread, no hardness; a control."""
    hinge: Literal["margin", "soft"] = "margin"
    """max(0, x + ``margin``) or log(1 + exp(x)), x the set distance of positives minus that of negatives."""
    margin: PositiveFloat = 0.2
    """On distances of unit vectors, not squared; without a part in the soft hinge."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.order == "permuted" and self.weighting == "uniform":
            raise ValueError("order: permuted changes nothing where weighting: uniform makes all weights the same")
        if self.order == "permuted" and self.weight_gradient:
            raise ValueError(
                "order: permuted needs weight_gradient: false, since a permuted weight says nothing of its own pair"
            )
        return self
