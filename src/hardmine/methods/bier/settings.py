"""Settings of BIER (Opitz et al. 2017), of its adversarial form, and of its controls."""

from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["BIER"]


class BIER(RunSettings):
    """One embedding cut into groups, trained like boosting: pairs that earlier groups leave unsolved weigh more.

    The controls are settings: ``boosting: none`` for groups without boosting, ``weighting: mean`` or ``permuted`` for
    weights that say nothing of the single pair, ``groups: [1]`` for one learner, there with ``boosting: own`` for one
    that weighs its pairs by itself, ``adversary: detached`` for an adversary whom the groups do not answer.
    """

    test_time: ClassVar[frozenset[str]] = frozenset({"test_weights"})
    diagnostics: ClassVar[tuple[str, ...]] = ("bier-weights", "bier-correlation")

    method: Literal["bier"]
    groups: tuple[PositiveInt, ...] = Field((3, 5, 8), min_length=1)
    """Sizes of the groups as parts of ``backbone.embedding``, in the order of boosting: [3, 5, 8] are 96, 160 and 256
    of 512 dimensions."""
    boosting: Literal["simple", "eta", "none", "own"] = "simple"
    """Weights of the pairs of a group: by the sum of earlier groups' scores (the default of the released code), by
    their average as in online gradient boosting, all 1, or by the group's own score."""
    weighting: Literal["pairs", "mean", "permuted"] = "pairs"
    """Which pair has which weight: its own, all the mean of their sign in their group, or, within these, at random."""
    shrinkage: float = Field(0.06, gt=0, le=1)
    """rho, what a group's score counts for the weights of the next; unless given 0.06, for ``eta`` 1."""
    start_score: float = 0.5
    """A_0, the score before the first group; ``simple`` and ``own`` only."""
    negative_gamma: PositiveFloat = 2.0
    """gamma of the negatives in these two forms: a factor on their weights, of ``simple`` from the second group on."""
    steepness: PositiveFloat = 2.0
    """a, of the deviance."""
    boundary: float = Field(0.5, ge=-1, le=1)
    """beta: the cosine that separates the classes."""
    negative_cost: PositiveFloat = 25.0
    """C, the factor on the scores of negatives."""
    diversity: Literal["none", "activation", "adversarial"] = "none"
    """Loss that makes groups differ: none, small products of their activations, or an adversary (A-BIER)."""
    diversity_weight: NonNegativeFloat = 0.001
    """lambda_div, of the products in that loss."""
    norm_weight: NonNegativeFloat = 5.0
    """Of the penalties that keep weights of the groups and of the adversary near length 1; the released code's
    lambda_div · lambda_w."""
    norm_axis: Literal["released", "outputs", "inputs"] = "released"
    """What has length 1 in the groups' weights: each output, or each input; released: outputs with the activation
    loss, inputs with the adversary."""
    hidden: PositiveInt = 64
    """Hidden units of an adversary's regressor; 512 in the released code."""
    adversary: Literal["reversed", "detached"] = "reversed"
    """Whether the groups get the adversary's gradient, reversed, or none of it."""
    test_weights: Literal["sizes", "roots", "equal"] = "sizes"
    """Weights of the unit groups where they are joined: their shares of the dimensions, which weigh cosines by the
    square; the roots of these, which weigh cosines by the shares; or 1. The epoch is always chosen with the first, so
    that a change needs no training."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        """The shrinkage of a form, where the run does not give it."""
        if not isinstance(values, dict) or values.get("shrinkage") is not None:
            return values
        given = {key: value for key, value in values.items() if key != "shrinkage"}
        return given | ({"shrinkage": 1.0} if given.get("boosting") == "eta" else {})

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        alike = self.boosting == "none" or (len(self.groups) == 1 and self.boosting != "own")
        if self.weighting != "pairs" and alike:
            raise ValueError(
                f"weighting: {self.weighting} has no effect where all weights are 1; set weighting: pairs, or more "
                "groups with another boosting"
            )
        if self.diversity != "none" and len(self.groups) == 1:
            raise ValueError("diversity: one group has no other to differ from; give more groups, or diversity: none")
        if self.adversary == "detached" and self.diversity != "adversarial":
            raise ValueError("adversary: detached has no effect without diversity: adversarial")
        return self

    def join_weights(self, sizes: tuple[int, ...]) -> tuple[float, ...]:
        """The weights of groups of these sizes where they are joined."""
        if self.test_weights == "equal" or len(sizes) == 1:
            return (1.0,) * len(sizes)
        power = 0.5 if self.test_weights == "roots" else 1.0
        return tuple((size / sum(sizes)) ** power for size in sizes)

    def sizes(self, dimensions: int) -> tuple[int, ...]:
        """Dimensions of the groups, together ``dimensions``; the last ones are larger where parts leave a rest."""
        ends = [dimensions * sum(self.groups[:count]) // sum(self.groups) for count in range(len(self.groups) + 1)]
        return tuple(end - start for start, end in pairwise(ends))
