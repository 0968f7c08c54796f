"""The triplet loss of Smart Mining: a ratio of distances instead of their difference."""

from dataclasses import dataclass

from torch import Tensor

__all__ = ["RatioTriplets", "distances_of", "ratio_triplet_loss", "squared_distances"]


@dataclass(frozen=True)
class RatioTriplets:
    """Values of the ratio loss, one a triplet.

    Attributes:
        values: float [T], in [0, 1).
        active: bool [T], where the value is above 0, that is r(a,n) < r(a,p) + margin.
    """

    values: Tensor
    active: Tensor


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """Squared Euclidean distances q float [T] of the rows of two float [T, D]."""
    return (first - second).pow(2).sum(dim=1)


def distances_of(squared: Tensor) -> Tensor:
    """Distances r = sqrt(q + 1e-12): identical images get a finite slope."""
    return (squared + 1e-12).sqrt()


def ratio_triplet_loss(positive: Tensor, negative: Tensor, margin: float) -> RatioTriplets:
    """J = max(0, 1 - r(a,n) / (r(a,p) + margin)), section 4 of Harwood et al. 2017.

    Args:
        positive: r(a,p), float [T], distances that are not squared.
        negative: r(a,n), float [T].
        margin: m.
    """
    values = (1 - negative / (positive + margin)).clamp(min=0)
    return RatioTriplets(values, values.detach() > 0)
