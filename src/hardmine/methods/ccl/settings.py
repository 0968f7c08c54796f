"""Settings of the coupled clusters loss and the mixed difference network (Liu et al. 2016), and of their controls."""

from typing import ClassVar, Literal, Self

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from hardmine.settings.run import RunSettings

__all__ = ["CCL"]

_MIXED = ("shared_tap", "attribute", "attribute_order", "attribute_weight", "branch_weight", "attribute_epochs")
"""Keys of the mixed network alone."""


class CCL(RunSettings):
    """Each class of a batch is once the set of positives, and all other images are its negatives."""

    diagnostics: ClassVar[tuple[str, ...]] = ("ccl-clusters", "ccl-negatives")

    method: Literal["ccl"]

    anchor: Literal["centre", "image"] = "centre"
    """What distances are taken from: a class's centre, or a random image of it with one random positive (triplets from
    the same sets, the control; their margin is 2K/(K - 1) times as large, K images in the class, as pair distances
    are)."""
    negative: Literal["nearest", "random", "all", "none"] = "nearest"
    """The negative of a class: nearest to the anchor, drawn, every one (mean over those that violate the margin), or
    none (the pull alone). All but the first are controls."""
    margin: PositiveFloat = 0.3
    """alpha, on squared distances to the centre."""
    centre_gradient: bool = True
    """Whether the gradient goes through the centre too, as it does in L; off, as in third-party code, the batch drifts
    as a whole, and from random weights it ends in one point."""

    network: Literal["single", "mixed"] = "single"
    """The plain network, or the mixed difference network: two branches over a shared trunk, one that learns an
    attribute of the class and one that learns instances, joined to one embedding."""
    shared_tap: str = "shallowest"
    """The tap up to which both branches share the trunk; what lies deeper is there twice."""
    attribute: Literal["script", "base-letter"] = "script"
    """What the first branch learns of a letter named by its code point: the first word of its Unicode name, or the
    letter without its accents."""
    attribute_order: Literal["own", "shuffled"] = "own"
    """shuffled deals the attributes to the classes at random; a control."""
    attribute_weight: NonNegativeFloat = 0.5
    """Of the first branch's cross-entropy; 0 leaves that branch unlabelled, a control."""
    branch_weight: NonNegativeFloat = 0.5
    """Of the coupled clusters loss on the second branch, beside that on the embedding."""
    attribute_epochs: NonNegativeInt = 1
    """Epochs at the start in which the first branch learns alone; none where it is unlabelled."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.anchor == "image" and self.negative not in ("nearest", "random"):
            raise ValueError(f"negative: {self.negative} needs anchor: centre; triplets have one negative each")
        changed = [key for key in _MIXED if getattr(self, key) != type(self).model_fields[key].default]
        if self.network == "single" and changed:
            raise ValueError(f"{changed[0]}: the single network has no branches; set network: mixed")
        if self.attribute_order == "shuffled" and not self.attribute_weight:
            raise ValueError("attribute_order: an unlabelled branch sees no attributes; set attribute_weight above 0")
        return self
