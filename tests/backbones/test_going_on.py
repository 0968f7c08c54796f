"""Going on from the map of a tap gives the deepest tap's map, where a backbone can."""

import pytest
import torch

from hardmine.backbones.network import build_backbone
from hardmine.errors import UserError
from hardmine.settings.backbones import BVLCGoogLeNet, SmallCNN, Torchvision

CUT = {
    "small-cnn": (SmallCNN(width=4), 1, 16),
    "bvlc-googlenet": (BVLCGoogLeNet(name="bvlc-googlenet", weights="none"), 3, 64),
    "resnet18": (Torchvision(name="torchvision", architecture="resnet18", weights="none"), 3, 32),
}


@pytest.mark.parametrize("name", CUT)
def test_the_parts_behind_a_tap_lead_from_its_map_to_the_deepest_one(name: str) -> None:
    settings, channels, size = CUT[name]
    backbone = build_backbone(settings, channels, size).eval()
    images = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = backbone.taps(images, list(backbone.tap_shapes))
        for tap in backbone.tap_shapes:
            maps = backbone.up_to(images, tap)
            assert torch.equal(maps, whole[tap])
            for stage in backbone.stages_after(tap):
                maps = stage(maps)
            assert torch.allclose(maps, whole[backbone.last_tap], atol=1e-5)


def test_up_to_a_tap_nothing_deeper_learns_from_the_images() -> None:
    backbone = build_backbone(SmallCNN(width=4), 1, 16).train()
    backbone.up_to(torch.randn(4, 1, 16, 16), "block3")
    assert int(backbone.block3[2].num_batches_tracked) == 1
    assert int(backbone.block4[2].num_batches_tracked) == 0


@pytest.mark.parametrize("architecture", ["swin_t", "vit_b_16"])
def test_what_cannot_go_on_is_named(architecture: str) -> None:
    settings = Torchvision(name="torchvision", architecture=architecture, weights="none")
    with pytest.raises(UserError, match="cannot go on from the map of a tap"):
        build_backbone(settings, 3, 32).stages_after(settings.tap_names[0])
