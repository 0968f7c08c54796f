"""Local response normalisation across channels, forward and backward in one go over pieces that fit the cache."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

__all__ = ["ResponseNorm"]

PIECE = 2**18
"""Numbers of an intermediate result that the processor handles before it goes on to the next."""


class ResponseNorm(nn.Module):
    """y = x·s^-0.75 with s = 1 + a·(sum of x² over the channels around), as in AlexNet and GoogLeNet.

    Equal to ``nn.LocalResponseNorm(size, alpha)`` and several times as fast. Numbers of 16 bits are taken to 32 in
    between.

    Args:
        size: channels in the sum, odd; a is alpha / size.
        alpha: of the whole sum.
    """

    def __init__(self, size: int = 5, alpha: float = 1e-4) -> None:
        super().__init__()
        self.reach = size // 2
        self.factor = alpha / size

    def forward(self, features: Tensor) -> Tensor:
        """Float [n, C, H, W] to the same shape and type."""
        if torch.compiler.is_compiling():  # exporters and compilers want operators they know
            size = 2 * self.reach + 1
            exact = features.float() if features.dtype.itemsize < 4 else features
            return functional.local_response_norm(exact, size, self.factor * size).to(features.dtype)
        normed: Tensor = _Normalise.apply(features, self.reach, self.factor)
        return normed


class _Normalise(torch.autograd.Function):
    """With f = s^-0.75: y = x·f, and dx = dy·f - 1.5·a·x·(sum of dy·f·x/s over the channels around)."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, reach: int, factor: float) -> Tensor:
        features = features.contiguous(memory_format=torch.channels_last)
        ctx.reach, ctx.factor = reach, factor
        normed = torch.empty_like(features)
        sums = torch.empty_like(features, dtype=_exact(features.dtype))
        one = sums.new_ones(())
        for x, y, s in _pieces(features, normed, sums):
            values = x.to(s.dtype)
            squares = values * values
            torch.addcmul(one, values, values, value=factor, out=s)
            _add_neighbours(s, squares, reach, factor)
            power = torch.sqrt(s, out=squares).mul_(s).rsqrt_()
            y.copy_(power.mul_(values))
        ctx.save_for_backward(features, sums)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        features, sums = ctx.saved_tensors
        outer = gradients[0].contiguous(memory_format=torch.channels_last)
        inner = torch.empty_like(features)
        for x, dy, dx, s in _pieces(features, outer, inner, sums):
            values = x.to(s.dtype)
            direct = torch.sqrt(s).mul_(s).rsqrt_().mul_(dy)
            shares = (direct * values).div_(s)
            around = shares.clone()
            _add_neighbours(around, shares, ctx.reach, 1.0)
            dx.copy_(direct.addcmul_(values, around, value=-1.5 * ctx.factor))
        return inner, None, None


def _add_neighbours(sums: Tensor, values: Tensor, reach: int, factor: float) -> None:
    """Add to each column of [k, C] the columns up to ``reach`` away, times a factor, the column itself left out."""
    for away in range(1, reach + 1):
        sums[:, away:].add_(values[:, :-away], alpha=factor)
        sums[:, :-away].add_(values[:, away:], alpha=factor)


def _pieces(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Rows [k, C] of all tensors [n, C, H, W], channels last, piece by piece; on a GPU all at once."""
    channels = tensors[0].shape[1]
    rows = [tensor.permute(0, 2, 3, 1).reshape(-1, channels) for tensor in tensors]
    count = max(1, PIECE // channels if tensors[0].device.type == "cpu" else len(rows[0]))
    return zip(*(part.split(count) for part in rows), strict=True)


def _exact(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype.itemsize < 4 else dtype
