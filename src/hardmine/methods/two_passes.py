"""The gradient of a large batch where only a part of it fits: outputs cached by a first pass, gradients by a second."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hardmine.errors import UserError

__all__ = ["TwoPasses", "refuse_parts"]

Forward = Callable[[Tensor], dict[str, Tensor]]


class TwoPasses:
    """A batch that goes through a network in parts, twice (Gao et al. 2021, "Scaling deep contrastive learning batch
    size under memory limited setup").

    The first pass, without gradients, gives the outputs of the whole batch; the loss is computed of these, once, and
    leaves its gradients on them. The second pass gives each part its gradients. Random numbers of the network (dropout)
    are the same in both.

    Args:
        forward: the network.
        parts: the batch, float [n_i, C, H, W] each.

    Attributes:
        outputs: of the whole batch, leaves that take a gradient.
    """

    def __init__(self, forward: Forward, parts: Sequence[Tensor]) -> None:
        self._forward, self._parts = forward, parts
        self._states: list[tuple[Tensor, Tensor | None]] = []
        found = []
        with torch.no_grad():
            for part in parts:
                self._states.append(_random_state(part.device))
                found.append(forward(part))
        self.outputs = {name: torch.cat([each[name] for each in found]).requires_grad_() for name in found[0]}

    def backward(self) -> None:
        """The second pass, after the backward of the loss; random numbers go on from where the first pass ended."""
        after = _random_state(self._parts[0].device)
        start = 0
        for part, state in zip(self._parts, self._states, strict=True):
            _set_random_state(part.device, state)
            again = self._forward(part)
            pairs = [
                (again[name], whole.grad[start : start + len(part)])
                for name, whole in self.outputs.items()
                if whole.grad is not None
            ]
            torch.autograd.backward([output for output, _ in pairs], [gradient for _, gradient in pairs])
            start += len(part)
        _set_random_state(self._parts[0].device, after)


def refuse_parts(network: nn.Module) -> None:
    """Refuse a network whose outputs in parts are not those of the whole batch.

    Raises:
        UserError: it has batch norm that learns from the batch.
    """
    network.train()
    if any(isinstance(part, _BatchNorm) and part.training for part in network.modules()):
        raise UserError(
            "training.forward_images: batch norm sees the part that goes through at once, not the whole batch. Set "
            "backbone.batch_norm: frozen, take a network without batch norm, or leave forward_images out."
        )


def _random_state(device: torch.device) -> tuple[Tensor, Tensor | None]:
    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def _set_random_state(device: torch.device, state: tuple[Tensor, Tensor | None]) -> None:
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], device)
