"""Losses beside the spectral one, for control."""

import torch
from torch import Tensor

from hardmine.mining.classes import batch_means

__all__ = ["scatter_ratio", "within_trace"]


def within_trace(features: Tensor, labels: Tensor) -> Tensor:
    """tr(S_W)/tr(S_T), a scalar in [0, 1]: scatter within classes over all of it; 0 where all rows are equal.

    Args:
        features: F, float [n, d].
        labels: int64 [n].
    """
    means, places = batch_means(features, labels)
    within = (features - means[places]).square().sum()
    whole = (features - features.mean(dim=0)).square().sum()
    return within / whole.clamp(min=1e-12)


@torch.no_grad()
def scatter_ratio(rows: Tensor, labels: Tensor) -> float:
    """Mean squared distance within classes over that between them; 0 where there is none of either.

    Args:
        rows: float [n, D].
        labels: int64 [n].
    """
    distances = torch.cdist(rows, rows).square()
    same = labels[:, None] == labels[None, :]
    inside = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    if not inside.any() or same.all():
        return 0.0
    return float(distances[inside].mean() / distances[~same].mean().clamp(min=1e-12))
