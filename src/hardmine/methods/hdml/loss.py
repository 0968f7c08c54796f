"""HDML's losses (Zheng et al. 2019, sections 3.1 to 3.3; constants as in the released code).

Symbols: n tuples, D dimensions of an embedding z (not normalised), d dimensions of a feature y.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["decay_loss", "npair_loss", "reconstruction_loss", "synthetic_cross_entropy", "triplet_sum"]


def npair_loss(anchors: Tensor, candidates: Tensor, l2: float) -> Tensor:
    """Cross-entropy of each anchor's own positive among its candidates, plus a penalty on lengths.

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


def triplet_sum(anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float) -> Tensor:
    """Sum over triplets of max(0, |a - p|² - |a - n|² + margin).

    Args:
        anchors: float [n, D].
        positives: float [n, D].
        negatives: float [n, D].
        margin: on squared distances.
    """
    near = (anchors - positives).pow(2).sum(dim=1)
    far = (anchors - negatives).pow(2).sum(dim=1)
    return (near - far + margin).clamp(min=0).sum()


def reconstruction_loss(features: Tensor, rebuilt: Tensor, reduction: Literal["sum", "mean"]) -> Tensor:
    """Squared differences of features y and G(f(y)): over batch and dimensions, their sum or mean.

    Args:
        features: y, float [B, d].
        rebuilt: float [B, d].
        reduction: sum or mean.
    """
    return functional.mse_loss(rebuilt, features, reduction=reduction)


def synthetic_cross_entropy(
    anchor_logits: Tensor | None, logits: Tensor, anchor_labels: Tensor, labels: Tensor
) -> Tensor:
    """How well a classifier of features recognises synthetic ones: mean cross-entropy, the anchors' added on top.

    N-pair: mean over n² candidates (each with the label of candidate j) + mean over n anchors.
    Triplet: mean over all 3n synthetic features, ``anchor_logits`` None.

    Args:
        anchor_logits: float [n, C] or None.
        logits: float [m, C].
        anchor_labels: int64 [n].
        labels: int64 [m].
    """
    value = functional.cross_entropy(logits, labels)
    return value if anchor_logits is None else value + functional.cross_entropy(anchor_logits, anchor_labels)


def decay_loss(weights: Iterable[Tensor], rate: float) -> Tensor:
    """Weight decay as a loss: rate/2 · sum of |v|² over the weights."""
    return rate / 2 * torch.stack([weight.pow(2).sum() for weight in weights]).sum()
