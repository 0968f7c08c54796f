"""Losses of tuples that are not normalised, for the methods that train on pairs and triplets of their own sampler.

Symbols: n tuples, D dimensions of an embedding.
"""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["npair_loss", "triplet_gaps", "triplet_sum"]


def npair_loss(anchors: Tensor, candidates: Tensor, l2: float) -> Tensor:
    """Cross-entropy of each anchor's own positive among its candidates, plus a penalty on lengths (Sohn 2016).

    s_ij = a_i·p_j, or a_i·p_ij with candidates of its own for each anchor;
    L = mean_i -log softmax_j(s_ij)[j = i] + (r/4)·(mean |a|² + mean |p|²).

    Args:
        anchors: float [n, D].
        candidates: float [n, D], or [n, n, D] where row i holds anchor i's, its positive at position i.
        l2: r.
    """
    scores = anchors @ candidates.T if candidates.dim() == 2 else torch.einsum("id,ijd->ij", anchors, candidates)
    own = torch.arange(len(anchors), device=anchors.device)
    lengths = anchors.pow(2).sum(dim=-1).mean() + candidates.pow(2).sum(dim=-1).mean()
    return functional.cross_entropy(scores, own) + l2 / 4 * lengths


def triplet_gaps(anchors: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """|a - p|² - |a - n|², float [...]: with the margin added, above 0 where a triplet violates it.

    Args:
        anchors: float [..., D]; the three broadcast against each other.
        positives: float [..., D].
        negatives: float [..., D].
    """
    return (anchors - positives).pow(2).sum(dim=-1) - (anchors - negatives).pow(2).sum(dim=-1)


def triplet_sum(anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float) -> Tensor:
    """Sum over triplets of max(0, |a - p|² - |a - n|² + margin).

    Args:
        anchors: float [n, D].
        positives: float [n, D].
        negatives: float [n, D].
        margin: on squared distances.
    """
    return (triplet_gaps(anchors, positives, negatives) + margin).clamp(min=0).sum()
