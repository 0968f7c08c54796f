"""From a feature map to one vector: averages, or second-order statistics of the channels."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AveragePooling", "SecondOrderPooling", "build_pooling"]


class AveragePooling(nn.Module):
    """Global average, [n, F, H, W] to [n, F].

    Args:
        channels: F.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = channels

    def forward(self, maps: Tensor) -> Tensor:
        """Pooled features, float [n, F]."""
        return maps.mean(dim=(2, 3))


class SecondOrderPooling(nn.Module):
    """Average outer product of the channels over all places, then signed root and length 1 (bilinear pooling).

    Of the symmetric matrix M = (1/HW)·sum over places of y·yᵀ only the upper triangle is kept: F·(F+1)/2 values.

    Args:
        channels: F.
    """

    upper: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = channels * (channels + 1) // 2
        upper = torch.triu_indices(channels, channels)
        self.register_buffer("upper", upper, persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Pooled features, float [n, F·(F+1)/2] of length 1."""
        places = maps.flatten(2)
        products = places @ places.transpose(1, 2) / places.shape[2]
        first, second = self.upper
        values = products[:, first, second]
        return functional.normalize(values.sign() * (values.abs() + 1e-8).sqrt(), dim=1)


def build_pooling(kind: str, channels: int) -> AveragePooling | SecondOrderPooling:
    """The pooling named in the settings, ``average`` or ``second-order``."""
    return SecondOrderPooling(channels) if kind == "second-order" else AveragePooling(channels)
