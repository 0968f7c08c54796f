"""Which triplets of a batch are trained on, and how often that chooses each image."""

import torch
from torch import Tensor

from hardmine.mining import Triplets, random_negatives
from hardmine.mining.triplet_selection import batch_hard_triplets, semi_hard_triplets

__all__ = ["placebo_counts", "select", "times_chosen"]


def select(distances: Tensor, labels: Tensor, how: str, margin: float, generator: torch.Generator) -> Triplets:
    """Triplets of a batch.

    Args:
        distances: float [n, n], without gradient.
        labels: int64 [n].
        how: ``hard``, ``semihard`` or ``random``.
        margin: of semi-hard triplets, on these distances.
        generator: of random negatives, on the CPU.
    """
    match how:
        case "hard":
            return batch_hard_triplets(distances, labels)
        case "semihard":
            return semi_hard_triplets(distances, labels, margin)
    return random_negatives(labels, generator)


def times_chosen(triplets: Triplets, images: int, members: str = "pn") -> Tensor:
    """How often each image is a positive or negative (with ``apn``: or an anchor), float [n].

    Args:
        triplets: of a batch.
        images: n.
        members: ``pn`` or ``apn``.
    """
    roles = [triplets.positives, triplets.negatives]
    chosen = torch.cat(roles if members == "pn" else [triplets.anchors, *roles])
    return torch.bincount(chosen, minlength=images).float()


def placebo_counts(counts: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """As many choices in each class, each of a uniformly drawn image of it; float [n].

    Args:
        counts: float [n], how often each image is chosen.
        labels: int64 [n].
        generator: of the draws, on the CPU.
    """
    order = labels.argsort(stable=True)
    _, classes, sizes = labels.unique(return_inverse=True, return_counts=True)
    starts = sizes.cumsum(0) - sizes
    owners = classes.repeat_interleave(counts.long())
    places = torch.rand(len(owners), generator=generator, dtype=torch.float64).to(labels.device)
    drawn = order[starts[owners] + (places * sizes[owners]).long()]
    return torch.bincount(drawn, minlength=len(labels)).to(counts.dtype)
