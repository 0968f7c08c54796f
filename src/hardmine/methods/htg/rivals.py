"""Made triplets without a generator: along the loss's gradient, in a random direction, by another's displacements."""

import torch
from torch import Tensor
from torch.nn import functional

from .loss import in_favour, unit_gaps

__all__ = ["moved_at_random", "stepped", "with_others_displacements"]


def stepped(triplets: Tensor, length: float, margin: float) -> Tensor:
    """Each point a step down the generator's triplet loss, at unit length; the direction is a constant.

    A point whose gradient is 0 stays.

    Args:
        triplets: unit vectors, float [3, T, D].
        length: of the step before points are brought back to unit length.
        margin: of the loss.
    """
    points = triplets.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(in_favour(unit_gaps(points), margin), points)
    return functional.normalize(triplets - length * functional.normalize(slope, dim=-1, eps=1e-20), dim=-1)


def moved_at_random(triplets: Tensor, length: float, generator: torch.Generator) -> Tensor:
    """Each point a step along the sphere in a direction of its own, at unit length.

    Args:
        triplets: unit vectors, float [3, T, D].
        length: of the step before points are brought back to unit length.
        generator: of the directions, on the CPU.
    """
    draws = torch.randn(triplets.shape, generator=generator).to(triplets)
    fixed = triplets.detach()
    tangent = draws - (draws * fixed).sum(dim=-1, keepdim=True) * fixed
    return functional.normalize(triplets + length * functional.normalize(tangent, dim=-1), dim=-1)


def with_others_displacements(triplets: Tensor, made: Tensor) -> Tensor:
    """Each triplet moved as the one before it was made to move, at unit length.

    Args:
        triplets: unit vectors, float [3, T, D].
        made: unit vectors, float [3, T, D].
    """
    return functional.normalize(triplets + (made - triplets).roll(1, dims=1), dim=-1)
