"""A small convolutional network for small images, with three taps."""

from collections.abc import Sequence

from torch import Tensor, nn

from hardmine.settings.backbones import SmallCNN

from .taps import Backbone

__all__ = ["SmallCNNBackbone"]


class SmallCNNBackbone(Backbone):
    """Seven 3×3 convolutions with batch norm and ReLU in four blocks, max-pooled between them.

    For 32×32 images the taps are ``block2`` [2w, 16, 16], ``block3`` [4w, 8, 8] and ``block4`` [8w, 4, 4].
    """

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        w = width
        self.block1 = nn.Sequential(*_convolution(channels, w))
        self.block2 = nn.Sequential(nn.MaxPool2d(2), *_convolution(w, 2 * w), *_convolution(2 * w, 2 * w))
        self.block3 = nn.Sequential(nn.MaxPool2d(2), *_convolution(2 * w, 4 * w), *_convolution(4 * w, 4 * w))
        self.block4 = nn.Sequential(nn.MaxPool2d(2), *_convolution(4 * w, 8 * w), *_convolution(8 * w, 8 * w))
        self.tap_shapes = {
            "block2": (2 * w, size // 2, size // 2),
            "block3": (4 * w, size // 4, size // 4),
            "block4": (8 * w, size // 8, size // 8),
        }

    def taps(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Feature maps of the asked taps."""
        features = self.block1(images)
        maps = {}
        for name in self.tap_shapes:
            features = getattr(self, name)(features)
            maps[name] = features
        return {name: maps[name] for name in names}

    def up_to(self, images: Tensor, tap: str) -> Tensor:
        """The map of one tap; ``taps`` computes all, and so has deeper batch norms learn from every image."""
        features: Tensor = self.block1(images)
        for name in self.tap_shapes:
            features = getattr(self, name)(features)
            if name == tap:
                break
        return features


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def build(settings: SmallCNN, channels: int, size: int) -> Backbone:
    """The trunk of the settings, with random weights."""
    return SmallCNNBackbone(channels, size, settings.width)
