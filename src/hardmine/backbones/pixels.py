"""From the batches' scale of images to the scale a published network was trained on."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Rescale"]


class Rescale(nn.Module):
    """Undo (pixel - 127.5) / 64, then apply (pixel - mean) / deviation by channel; grey becomes three equal channels.

    Args:
        mean: of red, green and blue, on the scale 0 to 255.
        deviation: likewise.
    """

    factor: Tensor
    shift: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        middle, spread = torch.tensor(mean).view(1, 3, 1, 1), torch.tensor(deviation).view(1, 3, 1, 1)
        self.register_buffer("factor", 64 / spread, persistent=False)
        self.register_buffer("shift", (127.5 - middle) / spread, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images float [n, 1 or 3, H, W] to float [n, 3, H, W], channels last in memory where they were."""
        return torch.addcmul(self.shift, images, self.factor)
