"""Gradients by differences of values."""

from collections.abc import Callable

import torch
from torch import Tensor


def central_differences(function: Callable[[Tensor], object], values: Tensor, step: float = 1e-6) -> Tensor:
    """The gradient of a scalar function of a float64 tensor."""
    gradient = torch.zeros_like(values)
    for place in range(values.numel()):
        up, down = values.detach().clone(), values.detach().clone()
        up.view(-1)[place] += step
        down.view(-1)[place] -= step
        gradient.view(-1)[place] = (float(function(up)) - float(function(down))) / (2 * step)  # type: ignore[arg-type]
    return gradient
