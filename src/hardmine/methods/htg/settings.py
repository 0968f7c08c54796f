"""Settings of HTG: hard triplet generation (Zhao et al. 2018), as others tell of it, and its controls."""

from typing import ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from hardmine.settings.run import RunSettings

__all__ = ["HTG"]


class HTG(RunSettings):
    """A generator moves the points of every triplet to make it harder; a discriminator keeps them recognisable."""

    in_parts: ClassVar[bool] = False
    diagnostics: ClassVar[tuple[str, ...]] = ("htg-game", "htg-negatives")

    method: Literal["htg"]

    variant: Literal["full", "identity", "step", "random", "permuted", "no-d", "no-adv", "d-only", "base"] = "full"
    """What makes the triplets: the generator; or none (identity), a step of fixed length along the loss's gradient
    (step), along a random direction (random), or another triplet's displacements (permuted); no-d leaves out the
    discriminator, no-adv the generator's triplet loss; d-only adds the discriminator's loss on real points to the
    network's, without a generator; base trains on real triplets alone."""
    margin: PositiveFloat = 0.2
    """m, on squared distances of unit vectors, for real and made triplets."""
    reduction: Literal["all", "violating"] = "all"
    """What the triplet losses are means over: all triplets, or those with a loss, as in the library's triplet loss;
    with few violations the first takes ever smaller steps."""
    synthetic_share: float = Field(0.5, ge=0, le=1)
    """q: the network's loss is (1 - q)·real + q·made."""
    warm_share: float = Field(0.2, ge=0, lt=1)
    """Share of the steps at the start in which the network and the discriminator train on real triplets only."""
    fake_weight: NonNegativeFloat = 1.0
    """beta, of the discriminator's loss on made points."""
    class_weight: NonNegativeFloat = 1.0
    """gamma, of the generator's loss for being recognised; it sets how far points may go."""

    generator: Literal["triplet", "shared"] = "triplet"
    """Whether it sees the three points of a triplet together, or each alone."""
    generator_width: PositiveInt = 256
    """Hidden units of the generator."""
    generator_learning_rate: PositiveFloat = 0.0003
    """Of the generator (Adam), constant."""
    discriminator_width: PositiveInt = 128
    """Hidden units of the discriminator."""
    discriminator_learning_rate: PositiveFloat = 0.001
    """Of the discriminator (Adam), constant."""
    step_length: PositiveFloat = 0.1
    """rho, the length of the steps of variants step and random, on the unit sphere; to compare them with a run, take
    its mean length of displacements."""

    @property
    def generates(self) -> bool:
        """Whether there is a generator to train."""
        return self.variant in ("full", "permuted", "no-d", "no-adv")

    @property
    def discriminates(self) -> bool:
        """Whether there is a discriminator to train."""
        return self.variant in ("full", "permuted", "no-adv", "d-only")
