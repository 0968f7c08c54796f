"""BVLC GoogLeNet against activations that others computed with the published weights."""

import json

import pytest
import torch
from mirror import mirror

from hardmine.backbones import EmbeddingNetwork
from hardmine.images.batches import normalise
from hardmine.settings.backbones import BVLCGoogLeNet, backbone_from

torch.set_num_threads(1)
NAMES = {"pool1/norm1": "norm1", "pool2/3x3_s2": "pool2"}


def probe() -> torch.Tensor:
    """The formula-made input of the reference, as the loader would deliver it: red, green, blue, normalised."""
    h, w = torch.arange(224)[:, None], torch.arange(224)[None]
    blue_green_red = torch.stack([(7 * h + 11 * w + 13 * c + h * w) % 256 for c in range(3)], dim=-1)
    return normalise(blue_green_red.flip(-1)[None].to(torch.uint8))


def test_every_stage_equals_the_reference_within_a_ten_thousandth_of_its_largest_value() -> None:
    folder = mirror()
    reference = json.loads((folder / "reference_outputs.json").read_text())["bvlc_googlenet"]
    network = EmbeddingNetwork(BVLCGoogLeNet(name="bvlc-googlenet"), 3, 224).eval()
    network.load_pretrained(folder / "bvlc_googlenet.npz")
    found: dict[str, torch.Tensor] = {}
    for stage in network.backbone.tap_shapes:
        for name, part in getattr(network.backbone, stage).named_children():
            part.register_forward_hook(lambda *values, name=name: found.__setitem__(name, values[2]))
    with torch.no_grad():
        found["pool5/7x7_s1"] = network.features(probe().contiguous(memory_format=torch.channels_last))
    compared = 0
    for name, expected in reference.items():
        values = found.get(NAMES.get(name, name.removesuffix("/output")))
        if values is None:
            continue
        assert list(values.shape[1:]) == expected["shape"], name
        scale = float(values.abs().max())
        first = values[0].flatten()[:6]
        assert torch.allclose(first, torch.tensor(expected["first"]), rtol=0, atol=1e-4 * scale), name
        assert values.mean().item() == pytest.approx(expected["mean"], rel=1e-4), name
        assert values.norm().item() == pytest.approx(expected["l2"], rel=1e-4), name
        compared += 1
    assert compared == 12


def test_grey_images_are_taken_as_three_equal_channels() -> None:
    network = EmbeddingNetwork(backbone_from({"name": "bvlc-googlenet", "embedding": 4}), 1, 32).eval()
    grey = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        alone, tripled = network(grey)["embedding"], network(grey.expand(-1, 3, -1, -1))["embedding"]
    assert torch.equal(alone, tripled)
