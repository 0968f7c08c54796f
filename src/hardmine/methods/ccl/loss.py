"""The coupled clusters loss (Liu et al. 2016, as second-hand sources have it), and triplets from the same sets.

Symbols: n images, C classes in the batch, c a class's centre, n* its negative, alpha the margin.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .settings import CCL

__all__ = ["ClusterLoss", "coupled_clusters", "image_triplets"]


@dataclass(frozen=True)
class ClusterLoss:
    """The loss of every class and what stands behind it.

    Attributes:
        losses: float [C], classes ascending, sums over their images; with gradient.
        near: squared distances to the anchor, float [n] (of triplets: [C]), without gradient.
        far: squared distance of each class's nearest or drawn negative to its anchor, float [C]; empty where there is
            no one negative.
        negatives: position of that negative, int64 [C]; empty likewise.
        centres: c, float [C, D], without gradient; empty for triplets.
        violating: share of the hinges above 0, a scalar.
        drift: sum of the gradient over all images with constant centres, float [D]; empty where it is not known.
    """

    losses: Tensor
    near: Tensor
    far: Tensor
    negatives: Tensor
    centres: Tensor
    violating: Tensor
    drift: Tensor


def coupled_clusters(embeddings: Tensor, labels: Tensor, run: CCL, draws: torch.Generator | None = None) -> ClusterLoss:
    """L of each class: sum over its images of 1/2·max(0, |f - c|² + alpha - |f(n*) - c|²).

    A class with one image has itself as its centre: constant centres leave it no gradient, but still push n*.

    Args:
        embeddings: f, float [n, D].
        labels: int64 [n].
        run: negative, margin, and whether the gradient goes through c.
        draws: of random negatives, on the CPU.
    """
    member, own = _membership(labels)
    shares = own.to(embeddings.dtype)
    centres = shares @ embeddings / shares.sum(dim=1, keepdim=True)
    centres = centres if run.centre_gradient else centres.detach()
    squares = (centres.pow(2).sum(1)[:, None] + embeddings.pow(2).sum(1) - 2 * centres @ embeddings.T).clamp(min=0)
    near = squares.gather(0, member[None]).squeeze(0)
    far = negatives = drift = near.new_empty(0).detach()
    if run.negative == "none":
        hinges = near
    elif len(own) == 1:
        hinges = near * 0
    elif run.negative == "all":
        values = torch.relu(near[:, None] + run.margin - squares[member]) * ~own[member]
        hinges = values.sum(dim=1) / (values > 0).sum(dim=1).clamp(min=1)
    else:
        negatives = _negatives(squares, own, run, draws)
        far = squares.gather(1, negatives[:, None]).squeeze(1)
        hinges = torch.relu(near + run.margin - far[member])
        drift = _drift(embeddings.detach(), centres.detach(), member, negatives, (hinges > 0).to(embeddings.dtype))
    losses = shares @ hinges / 2
    violating = (hinges > 0).float().mean()
    return ClusterLoss(losses, near.detach(), far.detach(), negatives, centres.detach(), violating, drift)


def image_triplets(
    embeddings: Tensor, labels: Tensor, positives: Tensor, run: CCL, draws: torch.Generator
) -> ClusterLoss:
    """One triplet a class, counted K times: 1/2·max(0, |a - p|² + alpha·2K/(K - 1) - |a - n|²), K images in the class.

    Anchor and positive are drawn; the negative is the one nearest to the anchor, or drawn. Classes without a pair, and
    batches of one class, give 0.

    Args:
        embeddings: float [n, D].
        labels: int64 [n].
        positives: bool [n, n], pairs of one class that are not the same image.
        run: negative and margin.
        draws: on the CPU.
    """
    _, own = _membership(labels)
    anchors = _drawn(own & positives.any(dim=1), draws)
    partners = _drawn(positives[anchors], draws)
    squares = (embeddings[anchors][:, None] - embeddings[None]).pow(2).sum(dim=2)
    negatives = _negatives(squares, own, run, draws)
    near, far = (squares.gather(1, chosen[:, None]).squeeze(1) for chosen in (partners, negatives))
    size = own.sum(dim=1)
    usable = positives[anchors].any(dim=1) & (size < len(labels))
    margins = run.margin * 2 * size / (size - 1).clamp(min=1)
    hinges = torch.relu(near + margins - far) * usable
    losses, none = size * hinges / 2, near.new_empty(0).detach()
    return ClusterLoss(losses, near.detach(), far.detach(), negatives, none, (hinges > 0).float().mean(), none)


def _membership(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Number of each image's class in the batch, int64 [n], and which images each class has, bool [C, n]."""
    classes, member = labels.unique(return_inverse=True)
    return member, member[None] == torch.arange(len(classes), device=labels.device)[:, None]


def _negatives(squares: Tensor, own: Tensor, run: CCL, draws: torch.Generator | None) -> Tensor:
    """Position of each class's negative, int64 [C]."""
    if run.negative == "nearest":
        return squares.detach().masked_fill(own, torch.inf).argmin(dim=1)
    return _drawn(~own, draws)


def _drawn(mask: Tensor, draws: torch.Generator | None) -> Tensor:
    """A uniformly drawn position in each row of a mask, int64 [rows]; any where a row has none."""
    chances = torch.rand(mask.shape, generator=draws).to(mask.device)
    return chances.masked_fill(~mask, -1.0).argmax(dim=1)


def _drift(embeddings: Tensor, centres: Tensor, member: Tensor, negatives: Tensor, violating: Tensor) -> Tensor:
    """Sum over violating images of (f - c) - (f(n*) - c), float [D]."""
    return (violating[:, None] * (embeddings - embeddings[negatives[member]])).sum(dim=0)
