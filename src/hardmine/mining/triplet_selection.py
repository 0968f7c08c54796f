"""Triplets of a batch, chosen by a matrix of distances: all, semi-hard, batch-hard, distance-weighted.

Symbols: B images in the batch, d_ij the distance of images i and j, T triplets found. Besides what they return the
functions hold O(B²) numbers at a time, however many triplets there are.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from .tuples import Triplets

__all__ = ["all_triplets", "batch_hard_triplets", "distance_weighted_triplets", "semi_hard_triplets"]

BLOCK = 2**19
"""Distances that are looked at together."""


def all_triplets(labels: Tensor) -> Triplets:
    """Every triplet of a batch, ordered by anchor, positive, negative.

    Args:
        labels: int64 [B].
    """
    anchors, positives = (index.cpu().numpy() for index in _positive_pairs(labels))
    classes = labels.cpu().numpy()
    others = {int(label): np.flatnonzero(classes != label) for label in np.unique(classes[anchors])}
    lists = [others[label] for label in classes.tolist() if label in others]
    partners = np.unique(anchors, return_counts=True)[1].tolist()
    total = sum(own * len(negatives) for own, negatives in zip(partners, lists, strict=True))
    found = np.empty((3, total), dtype=np.int64)  # NumPy asks for large pages, which halves the time of writing
    pair = start = 0
    for own, negatives in zip(partners, lists, strict=True):
        block = found[:, start : start + own * len(negatives)].reshape(3, own, len(negatives))
        block[0], block[1], block[2] = anchors[pair], positives[pair : pair + own, None], negatives
        pair, start = pair + own, start + own * len(negatives)
    return Triplets(*torch.from_numpy(found).to(labels.device))


def semi_hard_triplets(distances: Tensor, labels: Tensor, margin: float) -> Triplets:
    """Every triplet with 0 < d_an - d_ap ≤ margin, ordered by anchor, positive, negative (Schroff et al. 2015).

    Args:
        distances: d, float [B, B]; squared where the margin is one of squared distances.
        labels: int64 [B].
        margin: greatest difference.
    """
    anchors, positives = _positive_pairs(labels)
    others = distances.masked_fill(labels[:, None] == labels[None, :], torch.inf)
    limits = distances[anchors, positives]
    parts = []
    for pairs in _blocks(len(anchors), len(labels)):
        gaps = others[anchors[pairs]].sub_(limits[pairs, None])
        rows, negatives = ((gaps > 0) & (gaps <= margin)).nonzero(as_tuple=True)
        parts.append((rows + pairs.start, negatives))
    rows = torch.cat([anchors[:0], *(rows for rows, _ in parts)])
    return Triplets(anchors[rows], positives[rows], torch.cat([anchors[:0], *(negatives for _, negatives in parts)]))


def batch_hard_triplets(distances: Tensor, labels: Tensor) -> Triplets:
    """The farthest positive and the nearest negative of each anchor that has both (Hermans et al. 2017).

    Args:
        distances: d, float [B, B].
        labels: int64 [B].
    """
    order, starts, sizes, _ = _by_class(labels)
    parts = []
    for block in _blocks(len(labels), len(labels)):
        rows = torch.arange(block.start, block.stop, device=labels.device)
        places = torch.arange(int(sizes[block].max()), device=labels.device)
        members = order[starts[block, None] + places.minimum(sizes[block, None] - 1)]
        near = distances[block].gather(1, members).masked_fill_(members == rows[:, None], -torch.inf)
        positives = members.gather(1, near.argmax(dim=1, keepdim=True)).squeeze(1)
        negatives = distances[block].scatter(1, members, torch.inf).argmin(dim=1)
        some = (sizes[block] > 1) & (sizes[block] < len(labels))
        parts.append(torch.stack([rows, positives, negatives])[:, some])
    return Triplets(*torch.cat([labels.new_empty(3, 0), *parts], dim=1))


def distance_weighted_triplets(
    distances: Tensor,
    labels: Tensor,
    dimensions: int,
    generator: torch.Generator,
    nearest: float = 0.5,
    farthest: float = 1.4,
) -> Triplets:
    """Random triplets whose negatives are spread evenly over distances (Wu et al. 2017, section 4).

    An anchor gets as many triplets as its class has images here: a uniformly drawn positive, and a negative drawn with
    chances 1/q(max(d, nearest)), q(d) = d^(D-2)·(1 - d²/4)^((D-3)/2) the density of distances on a sphere. Negatives at
    ``farthest`` or beyond are not drawn; anchors that have no other give no triplet.

    Args:
        distances: d of unit vectors, not squared, float [B, B].
        labels: int64 [B].
        dimensions: D.
        generator: of the draws, on the device of ``distances``.
        nearest: smaller distances count as this one.
        farthest: distance from which on the loss of a negative would be 0; less than 2.
    """
    order, starts, draws, places = _by_class(labels)
    parts = []
    for block in _blocks(len(labels), len(labels)):
        own = distances[block].clamp(min=nearest)
        usable = (labels[block, None] != labels[None, :]) & (own < farthest)
        logs = (2.0 - dimensions) * own.log() - (dimensions - 3) / 2 * (1 - 0.25 * own.square()).log()
        logs = logs.masked_fill(~usable, -torch.inf)
        rows = (usable.any(dim=1) & (draws[block] > 1)).nonzero().squeeze(1)
        if not len(rows):
            continue
        logs = logs[rows]
        weights = (logs - logs.amax(dim=1, keepdim=True)).exp()
        most = int(draws[block].max())
        negatives = torch.multinomial(weights, most, replacement=True, generator=generator)
        anchors = rows + block.start
        own_draws, own_places = draws[anchors, None], places[anchors, None]
        chosen = torch.rand(len(anchors), most, generator=generator, device=labels.device, dtype=torch.float64)
        chosen = (chosen * (own_draws - 1)).long()
        positives = order[starts[anchors, None] + chosen + (chosen >= own_places)]
        kept = torch.arange(most, device=labels.device) < own_draws
        parts.append(torch.stack([anchors[:, None].expand(-1, most)[kept], positives[kept], negatives[kept]]))
    return Triplets(*torch.cat([labels.new_empty(3, 0), *parts], dim=1))


def _positive_pairs(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Ordered pairs of one class, int64 [P] each, ascending; none of an anchor without a negative."""
    same = labels[:, None] == labels[None, :]
    pairs = same & ~same.all(dim=1, keepdim=True)
    anchors, positives = pairs.fill_diagonal_(False).nonzero(as_tuple=True)
    return anchors, positives


def _by_class(labels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images sorted by class; and of each image the start of its class there, the class's size, its own place in it."""
    order = labels.argsort(stable=True)
    _, classes, counts = labels.unique(return_inverse=True, return_counts=True)
    starts = (counts.cumsum(0) - counts)[classes]
    places = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device)) - starts
    return order, starts, counts[classes], places


def _blocks(rows: int, width: int) -> Iterator[slice]:
    """Slices of rows with about ``BLOCK`` numbers each."""
    size = max(1, BLOCK // max(1, width))
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))
