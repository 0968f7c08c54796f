"""Images on the device: uint8 rows in, normalised float batches out."""

import numpy as np
import torch
from torch import Tensor

from hardmine.settings.training import Augmentation

from .store import ImageStore

__all__ = ["TrainingImages"]


class TrainingImages:
    """The training images as batches.

    Args:
        store: the images that may be trained on.
        augmentation: random changes.
        device: where batches go.
        seed: of the random changes.
    """

    def __init__(self, store: ImageStore, augmentation: Augmentation, device: torch.device, seed: int) -> None:
        self.store = store
        self.augmentation = augmentation
        self.device = device
        self.labels = torch.from_numpy(store.labels).to(device)
        self._generator = torch.Generator().manual_seed(seed)

    def plain(self, indices: Tensor | np.ndarray) -> Tensor:
        """Images as they are at test time, float32 [k, C, H, W], channels last."""
        return normalise(self._read(indices))

    def augmented(self, indices: Tensor | np.ndarray) -> Tensor:
        """Randomly changed images, float32 [k, C, H, W], channels last."""
        pixels = self._read(indices)
        count, height, width, _ = pixels.shape
        down = torch.arange(height).expand(count, -1)
        right = torch.arange(width).expand(count, -1)
        if self.augmentation.shift:
            reach = self.augmentation.shift
            moves = torch.randint(-reach, reach + 1, (2, count, 1), generator=self._generator)
            down, right = (down + moves[0]).clamp(0, height - 1), (right + moves[1]).clamp(0, width - 1)
        if self.augmentation.mirror:
            flip = torch.rand(count, 1, generator=self._generator) < 0.5
            right = torch.where(flip, right.flip(1), right)
        down, right = down.to(self.device), right.to(self.device)
        moved = pixels[torch.arange(count, device=self.device)[:, None, None], down[:, :, None], right[:, None, :]]
        return normalise(moved)

    def _read(self, indices: Tensor | np.ndarray) -> Tensor:
        rows = indices.cpu().numpy() if isinstance(indices, Tensor) else indices
        return torch.from_numpy(self.store.read(rows)).to(self.device, non_blocking=True)

    def state_dict(self) -> dict[str, Tensor]:
        """Position of the random numbers."""
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take a saved position."""
        self._generator.set_state(state["generator"])


def normalise(pixels: Tensor) -> Tensor:
    """uint8 [k, H, W, C] to float32 [k, C, H, W] about 0 with spread about 1, channels last in memory."""
    return ((pixels.float() - 127.5) / 64).permute(0, 3, 1, 2)
