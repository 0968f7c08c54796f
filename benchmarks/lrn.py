"""What local response normalisation costs in a training step of BVLC GoogLeNet: python -m benchmarks.lrn.

Forward and backward on random 112-px images, one thread, in float32 and in bf16: with ours, with torch's layer, with
the two formulas most often written instead of it, and without any. All take turns step by step; the figures are
medians of processor time, which other programs on the machine disturb least. Outputs and gradients are compared first.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import table
from benchmarks.table import Row
from hardmine.backbones import EmbeddingNetwork
from hardmine.backbones.response_norm import ResponseNorm
from hardmine.settings.backbones import BVLCGoogLeNet

BATCH, SIZE, STEPS, LIMIT = 60, 112, 7, 1.3
ALPHA, WINDOW = 1e-4, 5


class Torch(nn.Module):
    """torch's layer, which has no 16-bit form on processors."""

    def forward(self, features: Tensor) -> Tensor:
        return functional.local_response_norm(features.float(), WINDOW, ALPHA).to(features.dtype)


class Slices(nn.Module):
    """Five shifted slices of the squares, added."""

    def forward(self, features: Tensor) -> Tensor:
        squares = functional.pad(features * features, (0, 0, 0, 0, 2, 2))
        sums = sum(squares[:, shift : shift + features.shape[1]] for shift in range(WINDOW))
        scale = 1 + ALPHA / WINDOW * sums
        return features * torch.rsqrt(scale * scale.sqrt())


class Band(nn.Module):
    """A 1×1 convolution of the squares with a banded matrix."""

    def forward(self, features: Tensor) -> Tensor:
        channel = torch.arange(features.shape[1])
        band = ((channel[:, None] - channel).abs() <= WINDOW // 2).to(features.dtype)
        scale = 1 + ALPHA / WINDOW * functional.conv2d(features * features, band[:, :, None, None])
        return features * torch.rsqrt(scale * scale.sqrt())


KINDS = {"ours": ResponseNorm, "torch": Torch, "slices": Slices, "band": Band, "none": nn.Identity}


def check() -> None:
    """All kinds give the same outputs and gradients in float32."""
    features = 80 * torch.randn(4, 192, 28, 28).relu()
    found = {}
    for name in ("torch", "ours", "slices", "band"):
        leaf = features.clone().to(memory_format=torch.channels_last).requires_grad_()
        value = KINDS[name]()(leaf)
        value.backward(torch.ones_like(value))
        assert leaf.grad is not None
        found[name] = (value.detach(), leaf.grad)
        for mine, theirs in zip(found[name], found["torch"], strict=True):
            assert float((mine - theirs).abs().max() / theirs.abs().max()) < 1e-5, name


def build(kind: type[nn.Module]) -> EmbeddingNetwork:
    """The network with one kind of normalisation."""
    torch.manual_seed(0)
    network = EmbeddingNetwork(BVLCGoogLeNet(name="bvlc-googlenet"), 3, SIZE).to(memory_format=torch.channels_last)
    stem = network.backbone.inception_4a
    stem.norm1, stem.norm2 = kind(), kind()
    return network.train()


def passes(network: EmbeddingNetwork, images: Tensor, low: bool) -> Callable[[], None]:
    """A forward and backward pass."""

    def both() -> None:
        network.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
            value = network(images)["embedding"]
        value.float().square().sum().backward()

    return both


def run() -> list[Row]:
    torch.set_num_threads(1)
    check()
    images = torch.randn(BATCH, 3, SIZE, SIZE).to(memory_format=torch.channels_last)
    networks = {name: build(kind) for name, kind in KINDS.items()}
    rows = []
    for low in (False, True):
        ways = {name: passes(network, images, low) for name, network in networks.items()}
        seconds = table.alternate(ways, STEPS)
        for name in ("ours", "torch", "slices", "band"):
            what = f"BVLC GoogLeNet, 112 px, {'bf16' if low else 'float32'}: normalisation {name}"
            how = f"1 thread, {BATCH} images; {BATCH / seconds[name]:.0f} images/s; peer: without normalisation"
            times = 1000 * seconds[name], 1000 * seconds["none"]
            limit = LIMIT if name == "ours" else None
            rows.append(Row("training", what, times[0], "ms", times[1], at_most=limit, how=how))
    return rows


if __name__ == "__main__":
    table.main(run)
