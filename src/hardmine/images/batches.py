"""Images on the device: uint8 rows in, normalised float batches out."""

import numpy as np
import torch
from torch import Tensor

from hardmine.settings.training import Augmentation

from .ahead import ReadAhead
from .augment import recoloured, resized_crops, with_holes
from .store import ImageStore

__all__ = ["TrainingImages", "block_of"]


class TrainingImages:
    """The training images as batches.

    Args:
        store: the images that may be trained on.
        augmentation: random changes.
        device: where batches go.
        seed: of the random changes.

    Attributes:
        size: height and width of the images as the network gets them.
    """

    def __init__(self, store: ImageStore, augmentation: Augmentation, device: torch.device, seed: int) -> None:
        self.store = store
        self.augmentation = augmentation
        self.device = device
        height, width = store.pixels.shape[1:3]
        self.size = (augmentation.crop, augmentation.crop) if augmentation.crop else (int(height), int(width))
        self.labels = torch.from_numpy(store.labels).to(device)
        self._generator = torch.Generator().manual_seed(seed)
        self._ahead = ReadAhead(store, pin=True) if device.type == "cuda" else None

    def announce(self, indices: np.ndarray | None) -> None:
        """Say which images come next: for a GPU they are read while it works. None: not known yet."""
        if self._ahead is not None and indices is not None:
            self._ahead.announce(indices)

    def plain(self, indices: Tensor | np.ndarray) -> Tensor:
        """Images as they are at test time, float32 [k, C, H, W], channels last."""
        return normalise(middle(self._read(indices), *self.size))

    def augmented(self, indices: Tensor | np.ndarray) -> Tensor:
        """Randomly changed images, float32 [k, C, H, W], channels last."""
        pixels = self._read(indices)
        if self.augmentation.crop_scale is None:
            changed = self._moved(pixels)
            if not (self.augmentation.recolours or self.augmentation.erasing):
                return normalise(changed)
            images = changed.permute(0, 3, 1, 2).float()
        else:
            images = resized_crops(pixels, self.size[0], self.augmentation, self._generator)
        if self.augmentation.recolours:
            images = recoloured(images, self.augmentation, self._generator)
        if self.augmentation.erasing:
            images = with_holes(images, self.augmentation.erasing, self._generator)
        return _about_zero(images).contiguous(memory_format=torch.channels_last)

    def _moved(self, pixels: Tensor) -> Tensor:
        """Cut, shifted and mirrored, uint8 [k, H, W, C]."""
        count, height, width, _ = pixels.shape
        down = torch.arange(self.size[0]).expand(count, -1)
        right = torch.arange(self.size[1]).expand(count, -1)
        if self.augmentation.crop:
            down = down + torch.randint(height - self.size[0] + 1, (count, 1), generator=self._generator)
            right = right + torch.randint(width - self.size[1] + 1, (count, 1), generator=self._generator)
        if self.augmentation.shift:
            reach = self.augmentation.shift
            moves = torch.randint(-reach, reach + 1, (2, count, 1), generator=self._generator)
            down, right = (down + moves[0]).clamp(0, height - 1), (right + moves[1]).clamp(0, width - 1)
        if self.augmentation.mirror:
            flip = torch.rand(count, 1, generator=self._generator) < 0.5
            right = torch.where(flip, right.flip(1), right)
        down, right = down.to(self.device), right.to(self.device)
        return pixels[torch.arange(count, device=self.device)[:, None, None], down[:, :, None], right[:, None, :]]

    def _read(self, indices: Tensor | np.ndarray) -> Tensor:
        rows = indices.cpu().numpy() if isinstance(indices, Tensor) else indices
        images = self._ahead.read(rows) if self._ahead else torch.from_numpy(self.store.read(rows))
        return images.to(self.device, non_blocking=True)

    def state_dict(self) -> dict[str, Tensor]:
        """Position of the random numbers."""
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take a saved position."""
        self._generator.set_state(state["generator"])


def block_of(size: int) -> int:
    """Images of ``size`` pixels a side to embed at a time, so that memory is bounded."""
    return max(1, min(500, 2**21 // size**2))


def middle(pixels: Tensor, height: int, width: int) -> Tensor:
    """The middle of images [k, H, W, C], ``height`` by ``width`` pixels."""
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    return pixels[:, top : top + height, left : left + width]


def normalise(pixels: Tensor) -> Tensor:
    """uint8 [k, H, W, C] to float32 [k, C, H, W] about 0 with spread about 1, channels last in memory."""
    return _about_zero(pixels.float()).permute(0, 3, 1, 2)


def _about_zero(levels: Tensor) -> Tensor:
    return (levels - 127.5) / 64
