"""ABE's masks: a shared body of convolutions, and a 1×1 convolution a learner.

What is said of the paper here comes from public reading notes and third-party re-implementations; the paper itself was
not read.
"""

from typing import cast

import torch
from torch import Tensor, nn

from hardmine.backbones.layers import glorot

from .settings import ABE

__all__ = ["Attention"]


class Attention(nn.Module):
    """Masks of a map for every learner.

    Args:
        run: the method's settings.
        channels: C, of the map.
    """

    def __init__(self, run: ABE, channels: int) -> None:
        super().__init__()
        self.shape, self.activation, self.gain = run.mask_shape, run.mask_activation, run.mask_gain
        self.body = nn.Sequential(*(layer for _ in range(run.attention_depth) for layer in _block(channels)))
        outputs = 1 if run.mask_shape == "spatial" else channels
        self.masks = nn.ModuleList(glorot(nn.Conv2d(channels, outputs, 1)) for _ in range(run.learners))
        if run.attention == "frozen":
            self.requires_grad_(False)

    def forward(self, maps: Tensor) -> list[Tensor]:
        """Masks to multiply the map with, one a learner: float [n, C or 1, H or 1, W or 1].

        Args:
            maps: S, float [n, C, H, W].
        """
        seen = self.body(maps)
        if self.shape == "channel":
            seen = seen.mean(dim=(2, 3), keepdim=True)
        return [self.of_logits(cast(Tensor, mask(seen))) for mask in self.masks]

    def of_logits(self, logits: Tensor) -> Tensor:
        """The activation, times the gain."""
        active = torch.sigmoid(logits) if self.activation == "sigmoid" else torch.relu(logits)
        return active * self.gain if self.gain != 1 else active


def _block(channels: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
