"""The quadruplet loss: adaptive margins, triplets, and positive pairs against negative pairs that share no image.

Symbols: g² the squared score of a pair, mu_p and mu_n its means over a batch's positive and negative pairs, w factors.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hardmine.methods.hinge import Hinge, hinge_loss

__all__ = [
    "Margins",
    "adaptive_margins",
    "hardest_pairs",
    "second_hinge",
    "shared_anchor",
    "shared_nothing",
    "unordered",
]


@dataclass(frozen=True)
class Margins:
    """The margins of a batch, scalars.

    Attributes:
        first: of the triplets.
        second: of the pairs that share no image.
    """

    first: Tensor
    second: Tensor


def adaptive_margins(
    positive: Tensor, negative: Tensor, factors: tuple[float, float], gradient: bool = False
) -> Margins:
    """Margins w·max(0, mu_n - mu_p); 0 where there are no pairs of a kind.

    Args:
        positive: g² of the positive pairs, float [p].
        negative: g² of the negative pairs, float [q].
        factors: w of the triplets and of the other term.
        gradient: whether the margins carry a gradient.
    """
    gap = torch.relu(negative.mean() - positive.mean()) if len(positive) and len(negative) else positive.sum() * 0
    gap = gap if gradient else gap.detach()
    return Margins(factors[0] * gap, factors[1] * gap)


def unordered(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs of a symmetric mask, each once, int64 [p] twice, the smaller position first.

    Args:
        mask: bool [n, n].
    """
    first, second = mask.triu(1).nonzero(as_tuple=True)
    return first, second


def shared_anchor(squares: Tensor, positives: Tensor, negatives: Tensor, margin: Tensor, mean: str) -> Hinge:
    """Triplets: [g²_ij - g²_ik + margin]_+ over every ordered positive pair (i, j) and negative k of i.

    Args:
        squares: g², float [n, n].
        positives: bool [n, n].
        negatives: bool [n, n].
        margin: a scalar.
        mean: as ``hinge_loss`` takes it.
    """
    anchors, partners = positives.nonzero(as_tuple=True)
    return hinge_loss(squares[anchors, partners][:, None], squares[anchors], negatives[anchors], margin, mean)


def shared_nothing(
    squares: Tensor, positives: Tensor, negatives: Tensor, labels: Tensor, margin: Tensor, mean: str
) -> Hinge:
    """Quadruplets: [g²_ij - g²_lk + margin]_+ over unordered positive pairs and negative pairs of two further classes.

    Args:
        squares: g², float [n, n].
        positives: bool [n, n].
        negatives: bool [n, n].
        labels: int64 [n].
        margin: a scalar.
        mean: as ``hinge_loss`` takes it.
    """
    first, second = unordered(positives)
    third, fourth = unordered(negatives)
    own = labels[first, None]
    valid = (own != labels[None, third]) & (own != labels[None, fourth])
    return hinge_loss(squares[first, second][:, None], squares[third, fourth][None], valid, margin, mean)


def second_hinge(
    kind: str, squares: Tensor, positives: Tensor, negatives: Tensor, labels: Tensor, margin: Tensor, mean: str
) -> Hinge | None:
    """What stands beside the triplets: ``pairs``, ``triplets`` once more with this margin, or nothing.

    Args:
        kind: ``second_term`` of the settings.
        squares: g², float [n, n].
        positives: bool [n, n].
        negatives: bool [n, n].
        labels: int64 [n].
        margin: a scalar.
        mean: as ``hinge_loss`` takes it.
    """
    if kind == "triplets":
        return shared_anchor(squares, positives, negatives, margin, mean)
    return shared_nothing(squares, positives, negatives, labels, margin, mean) if kind == "pairs" else None


def hardest_pairs(squares: Tensor, positives: Tensor, negatives: Tensor, margin: Tensor) -> Hinge:
    """[max g² of positive pairs - min g² of negative pairs + margin]_+, one tuple a batch; 0 without such pairs.

    Args:
        squares: g², float [n, n].
        positives: bool [n, n].
        negatives: bool [n, n].
        margin: a scalar.
    """
    near, far = squares[positives], squares[negatives]
    some = bool(len(near) and len(far))
    widest, closest = (near.amax(), far.amin()) if some else (squares.sum() * 0, squares.sum() * 0)
    return hinge_loss(widest, closest, torch.tensor(some, device=squares.device), margin)
