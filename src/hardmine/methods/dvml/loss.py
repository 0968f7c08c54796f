"""DVML's losses, as second-hand accounts print them; ``docs/methods/dvml.md`` says which account.

Symbols: B images, D dimensions of an embedding, d of a feature, T draws; mu and sigma of the variation, s0 the width of
its prior, y features and ŷ rebuilt ones.
"""

from typing import Literal

import torch
from torch import Tensor

from hardmine.methods.tuple_losses import npair_loss, triplet_gaps

from .settings import DVML

__all__ = ["divergence", "metric_loss", "reconstruction_loss", "variations"]


def divergence(mean: Tensor, log_variance: Tensor, width: float) -> Tensor:
    """KL(N(mu, sigma²) ‖ N(0, s0²)) of every image and dimension, in nats, float [B, D].

    ln(s0/sigma) + (sigma² + mu²)/(2·s0²) - 1/2; with s0 = 1 that of the variational autoencoder.

    Args:
        mean: mu, float [B, D].
        log_variance: log sigma², float [B, D].
        width: s0.
    """
    scaled = log_variance - torch.log(log_variance.new_tensor(width**2))
    return (scaled.exp() + (mean / width).pow(2) - scaled - 1) / 2


def variations(mean: Tensor, log_variance: Tensor, noise: Tensor, sampling: str) -> Tensor:
    """z_V = mu + sigma·eps, float [T, B, D].

    Args:
        mean: mu, float [B, D].
        log_variance: log sigma², float [B, D].
        noise: eps, float [T, B, D].
        sampling: ``constant`` for no gradient to mean and variance.
    """
    found = mean + (log_variance / 2).exp() * noise
    return found.detach() if sampling == "constant" else found


def reconstruction_loss(
    features: Tensor, rebuilt: Tensor, norm: Literal["squared", "plain"], scales: Literal["per-dimension", "sum"]
) -> Tensor:
    """Mean over images and draws of |y - ŷ|², or of |y - ŷ|.

    Per dimension, differences are in units of the dimension's deviation in the batch (a constant) and squares are
    divided by d; a dimension that does not vary is left out.

    Args:
        features: y, float [B, d].
        rebuilt: float [T, B, d].
        norm: of the differences.
        scales: of the differences.
    """
    squares = (features - rebuilt).pow(2)
    if scales == "per-dimension":
        variance = features.detach().var(dim=0, unbiased=False)
        some = variance > 1e-6 * variance.mean()
        squares = torch.where(some, squares / torch.where(some, variance, torch.ones_like(variance)), 0.0)
        squares = squares / features.shape[1]
    sums = squares.sum(dim=-1)
    if norm == "squared":
        return sums.mean()
    some = sums > 1e-24
    return torch.where(some, torch.where(some, sums, torch.ones_like(sums)).sqrt(), torch.zeros_like(sums)).mean()


def metric_loss(embeddings: Tensor, settings: DVML) -> Tensor:
    """L_m of a batch: N-pair, or the mean over triplets of max(0, |a - p|² - |a - n|² + margin).

    Args:
        embeddings: float [B, D], anchors, positives, and negatives for triplets.
        settings: of the run.
    """
    parts = embeddings.split(settings.tuples)
    if settings.base_loss == "npair":
        return npair_loss(parts[0], parts[1], settings.l2)
    return (triplet_gaps(*parts) + settings.margin).clamp(min=0).mean()
