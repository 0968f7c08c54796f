"""HDML's own losses (Zheng et al. 2019, sections 3.1 to 3.3; constants as in the released code).

The base losses on real and synthetic tuples are in ``hardmine.methods.tuple_losses``.

Symbols: n tuples, d dimensions of a feature y.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["decay_loss", "reconstruction_loss", "synthetic_cross_entropy"]


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
