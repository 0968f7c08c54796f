"""Stochastic gradient descent as Caffe does it: the learning rate inside the velocity."""

from collections.abc import Callable, Iterable
from typing import Any

import torch

__all__ = ["CaffeSGD"]


class CaffeSGD(torch.optim.Optimizer):
    """v ← mu·v + lr·(g + wd·w); w ← w - v.

    torch.optim.SGD multiplies by the rate at the update instead. At a constant rate both are the same; after the rate
    falls, Caffe goes on for some steps at the old one.

    Args:
        groups: parameters, with ``lr`` and ``weight_decay`` of their own where they differ.
        lr: learning rate.
        momentum: mu.
        weight_decay: wd.
    """

    def __init__(
        self, groups: Iterable[Any], lr: float = 0.01, momentum: float = 0.9, weight_decay: float = 0.0
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "velocity" not in state:
                    state["velocity"] = torch.zeros_like(parameter)
                velocity = state["velocity"].mul_(group["momentum"])
                velocity.add_(parameter.grad, alpha=group["lr"])
                velocity.add_(parameter, alpha=group["lr"] * group["weight_decay"])
                parameter.sub_(velocity)
