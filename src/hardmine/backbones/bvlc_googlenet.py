"""GoogLeNet as the Berkeley group trained it in Caffe (Szegedy et al. 2015), without the auxiliary classifiers.

Its published weights take blue, green, red in 0..255 minus (104, 117, 123). Here the first layer's input axis is
reversed when they are read, so that the network takes red, green, blue like all others.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.settings.backbones import BVLCGoogLeNet

from .layers import caffe_convolution, caffe_linear
from .pixels import Rescale
from .pretrained import read_arrays
from .response_norm import ResponseNorm
from .taps import StagedBackbone

__all__ = ["BVLCGoogLeNetBackbone", "Inception"]

MEAN = (123.0, 117.0, 104.0)
"""Of red, green and blue."""
CAFFE_NAMES = {"conv1": "conv1/7x7_s2", "conv2_reduce": "conv2/3x3_reduce", "conv2": "conv2/3x3"}
"""Layers outside the inception modules."""
SIZES = {
    "inception_3a": (192, 64, 96, 128, 16, 32, 32),
    "inception_3b": (256, 128, 128, 192, 32, 96, 64),
    "inception_4a": (480, 192, 96, 208, 16, 48, 64),
    "inception_4b": (512, 160, 112, 224, 24, 64, 64),
    "inception_4c": (512, 128, 128, 256, 24, 64, 64),
    "inception_4d": (512, 112, 144, 288, 32, 64, 64),
    "inception_4e": (528, 256, 160, 320, 32, 128, 128),
    "inception_5a": (832, 256, 160, 320, 32, 128, 128),
    "inception_5b": (832, 384, 192, 384, 48, 128, 128),
}
"""Channels of the input, then of 1x1, 3x3_reduce, 3x3, 5x5_reduce, 5x5, pool_proj."""


class Inception(nn.ModuleDict):
    """Four branches side by side: 1×1, 3×3 and 5×5 behind a 1×1 each, and a 1×1 behind a 3×3 maximum."""

    def __init__(self, inputs: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int) -> None:
        super().__init__(
            {
                "1x1": caffe_convolution(inputs, one, 1),
                "3x3_reduce": caffe_convolution(inputs, reduce3, 1),
                "3x3": caffe_convolution(reduce3, three, 3),
                "5x5_reduce": caffe_convolution(inputs, reduce5, 1),
                "5x5": caffe_convolution(reduce5, five, 5),
                "pool_proj": caffe_convolution(inputs, pool, 1),
            }
        )

    def forward(self, features: Tensor) -> Tensor:
        """Float [n, inputs, H, W] to float [n, one + three + five + pool, H, W]."""
        branches = [
            self["1x1"](features),
            self["3x3"](functional.relu(self["3x3_reduce"](features), inplace=True)),
            self["5x5"](functional.relu(self["5x5_reduce"](features), inplace=True)),
            self["pool_proj"](functional.max_pool2d(features, 3, 1, 1)),
        ]
        return functional.relu(torch.cat(branches, dim=1), inplace=True)


class BVLCGoogLeNetBackbone(StagedBackbone):
    """The trunk up to inception 5b, with the taps of HDC.

    At 224 pixels the taps are ``inception_4a`` [512, 14, 14], ``inception_4d`` [528, 14, 14] and ``inception_5b``
    [1024, 7, 7].

    Args:
        channels: colour channels of an image.
        size: edge of an image in pixels.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        stem: dict[str, nn.Module] = {
            "conv1": caffe_convolution(3, 64, 7, 2),
            "relu1": nn.ReLU(inplace=True),
            "pool1": _pool(),
            "norm1": ResponseNorm(),
            "conv2_reduce": caffe_convolution(64, 64, 1),
            "relu2": nn.ReLU(inplace=True),
            "conv2": caffe_convolution(64, 192, 3),
            "relu3": nn.ReLU(inplace=True),
            "norm2": ResponseNorm(),
            "pool2": _pool(),
        }
        self.inception_4a = nn.Sequential(
            OrderedDict({**stem, **_modules("3a", "3b"), "pool3": _pool(), **_modules("4a")})
        )
        self.inception_4d = nn.Sequential(OrderedDict(_modules("4b", "4c", "4d")))
        self.inception_5b = nn.Sequential(OrderedDict({**_modules("4e"), "pool4": _pool(), **_modules("5a", "5b")}))
        self.rescale = Rescale(MEAN, (1.0, 1.0, 1.0))
        self._measure(("inception_4a", "inception_4d", "inception_5b"), channels, size)

    def prepare(self, images: Tensor) -> Tensor:
        """Red, green, blue minus their means."""
        return self.rescale(images)

    def new_head(self, features: int, dimensions: int) -> nn.Linear:
        """As Caffe starts it."""
        return caffe_linear(features, dimensions)

    def published(self, path: Path) -> dict[str, Tensor]:
        """The Caffe model's arrays ``layer/weight`` and ``layer/bias``, as ``stage.layer.weight``."""
        arrays = read_arrays(path)
        found = {}
        for name in self.state_dict():
            layer, kind = name.split(".", 1)[1].rsplit(".", 1)
            caffe = f"{CAFFE_NAMES.get(layer, layer.replace('.', '/'))}/{kind}"
            if caffe in arrays:
                found[name] = arrays[caffe].flip(1) if caffe == "conv1/7x7_s2/weight" else arrays[caffe]
        return found


def _modules(*names: str) -> dict[str, nn.Module]:
    return {f"inception_{name}": Inception(*SIZES[f"inception_{name}"]) for name in names}


def _pool() -> nn.MaxPool2d:
    """3×3 maximum with stride 2, its output size rounded up as Caffe does."""
    return nn.MaxPool2d(3, 2, ceil_mode=True)


def build(settings: BVLCGoogLeNet, channels: int, size: int) -> BVLCGoogLeNetBackbone:
    """The trunk of the settings, with random weights."""
    return BVLCGoogLeNetBackbone(channels, size)
