"""Settings of DREML (Xuan et al. 2018) and of its controls."""

from typing import ClassVar, Literal, Self

from pydantic import PositiveFloat, PositiveInt, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["DREML"]


class DREML(RunSettings):
    """Many networks, each of which tells a few meta-classes apart: the classes, merged at random, differently for each.

    Meta-classes of a network are as many as its dimensions, ``backbone.embedding`` / ``learners``. Batches are shuffled
    images, as many as ``training.batch`` has.

    The controls are settings: ``merging: same`` for one merging for all networks, ``similar`` for classes that look
    alike, ``targets: classes`` for a plain ensemble, ``trunk: shared`` for one network with several heads.
    """

    in_parts: ClassVar[bool] = False
    test_time: ClassVar[frozenset[str]] = frozenset({"centre"})
    diagnostics: ClassVar[tuple[str, ...]] = ("dreml-growth", "dreml-correlation")

    method: Literal["dreml"]
    learners: PositiveInt = 4
    """L, networks."""
    merging: Literal["random", "independent", "same", "similar"] = "random"
    """How classes become meta-classes: in equal numbers at random, each class on its own (third-party), in equal
    numbers once for all networks, or by k-means of the classes' mean features at the start."""
    targets: Literal["meta-classes", "classes"] = "meta-classes"
    """What a network tells apart; classes by a softmax of cosines to learned vectors, as the method softmax does."""
    temperature: PositiveFloat = 0.05
    """Divides these cosines."""
    proxy_learning_rate: PositiveFloat = 0.02
    """Of these vectors."""
    trunk: Literal["own", "shared"] = "own"
    """A whole network for each learner, or one network whose embedding is cut."""
    budget: Literal["each", "shared"] = "each"
    """Whether every network sees ``training.images`` images, or the networks take turns, batch by batch, and see so
    many together. A network of its own costs as much as any: each costs L trainings."""
    logits: Literal["plain", "unit"] = "plain"
    """Logits of the loss as they are, or of length 1 (the released code from August to December 2018)."""
    centre: bool = False
    """Subtract the mean of an image's logits before they are normalised to be compared; the loss does not see it."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.targets == "classes" and (self.merging != "random" or self.logits == "unit"):
            raise ValueError("targets: classes merges no classes and has no logits; leave merging and logits out")
        if self.trunk == "shared" and self.budget == "shared":
            raise ValueError("budget: shared means turns between networks, of which trunk: shared has one")
        if self.learners == 1 and (self.merging == "same" or self.trunk == "shared" or self.budget == "shared"):
            raise ValueError("learners: 1 has nothing to share; leave merging: same, trunk and budget out")
        return self
