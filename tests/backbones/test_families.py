"""Every network family: taps as declared, training, frozen batch norm, saving."""

import sys

import pytest
import torch
from safetensors.torch import load, save
from tiny import advance, build, weights
from torch import nn

from hardmine.backbones import EmbeddingNetwork, build_backbone
from hardmine.errors import UserError
from hardmine.methods import method_class
from hardmine.settings.backbones import backbone_from
from hardmine.settings.backbones.torchvision import ARCHITECTURES

torch.set_num_threads(1)
FAMILIES = {
    "small-cnn": {"width": 2},
    "bvlc-googlenet": {"name": "bvlc-googlenet", "weights": "none"},
    "googlenet": {"name": "torchvision", "architecture": "googlenet", "weights": "none"},
    "resnet18": {"name": "torchvision", "architecture": "resnet18", "weights": "none"},
    "timm": {"name": "timm", "architecture": "resnet10t", "weights": "none"},
    "timm-transformer": {"name": "timm", "architecture": "test_vit", "weights": "none"},
}
"""One of each kind, as small as there are."""


def settings_of(family: str, **changes: object):
    if family.startswith("timm"):
        pytest.importorskip("timm", reason="the optional package timm is not installed")
    return backbone_from({"embedding": 8, **FAMILIES[family], **changes})


def images_of(channels: int, size: int) -> torch.Tensor:
    return torch.randn(3, channels, size, size, generator=torch.Generator().manual_seed(size))


@pytest.mark.parametrize("size", [32, 35, 48])
@pytest.mark.parametrize("family", FAMILIES)
def test_maps_have_the_declared_shapes_at_odd_and_even_sizes(family: str, size: int) -> None:
    settings = settings_of(family)
    if settings.name == "timm" and size % 16 and "vit" in settings.architecture:
        with pytest.raises(UserError, match=f"cannot be built for images of {size} pixels"):
            build_backbone(settings, 1, size)
        return
    trunk = build_backbone(settings, 1, size).eval()
    assert trunk.training is False
    names = list(trunk.tap_shapes)
    assert not settings.tap_names or tuple(names) == settings.tap_names
    with torch.no_grad():
        together = trunk.taps(images_of(1, size), names)
        for name in names:
            assert tuple(together[name].shape[1:]) == trunk.tap_shapes[name], name
            alone = trunk.taps(images_of(1, size), [name])
            assert list(alone) == [name]
            assert torch.allclose(alone[name], together[name], atol=1e-5)


@pytest.mark.parametrize("architecture", sorted(set(ARCHITECTURES) - {"googlenet", "resnet18"}))
def test_every_architecture_has_the_taps_that_the_settings_name(architecture: str) -> None:
    settings = backbone_from({"name": "torchvision", "architecture": architecture, "weights": "none"})
    with torch.device("meta"):
        network = EmbeddingNetwork(settings, 3, 64)
    assert tuple(network.backbone.tap_shapes) == settings.tap_names
    has = any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
    assert has == ARCHITECTURES[architecture].batch_norm
    assert all(edge > 0 for shape in network.backbone.tap_shapes.values() for edge in shape)


@pytest.mark.parametrize("family", FAMILIES)
def test_after_a_step_every_weight_of_a_trimmed_network_has_a_gradient(family: str) -> None:
    whole = build_backbone(settings_of(family), 1, 32)
    shallow, deep = next(iter(whole.tap_shapes)), whole.last_tap
    for tap in dict.fromkeys((shallow, deep)):
        torch.manual_seed(0)
        network = EmbeddingNetwork(settings_of(family, tap=tap), 1, 32).train()
        assert network.backbone.last_tap == tap
        network(images_of(1, 32))["embedding"].square().sum().backward()
        assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_trains_and_its_saved_network_embeds_alike(family: str) -> None:
    settings_of(family)
    run = {"method": "triplet", "selection": "random"}
    method = build(run, backbone=FAMILIES[family], size=32, learning_rate=1e-3)
    before = weights(method)
    advance(method, 2)
    after = weights(method)
    moved = [name for name, weight in method.network.named_parameters() if not torch.equal(before[name], after[name])]
    assert any(name.startswith("backbone.") for name in moved)
    assert any(name.startswith("head.") for name in moved)
    setup = method.setup
    again = method_class("triplet").build_network(setup.run, setup.backbone, 1, 32)
    again.load_state_dict(load(save({name: value.contiguous() for name, value in after.items()})))
    with torch.no_grad():
        for name, value in method.network.eval().embed(images_of(1, 32)).items():
            assert torch.allclose(again.eval().embed(images_of(1, 32))[name], value, atol=1e-5)


@pytest.mark.parametrize("method", ["hdc", "hdml"])
def test_the_papers_network_trains_with_the_papers_methods(method: str) -> None:
    run = {"method": "hdml", "batch_size": 16} if method == "hdml" else {"method": "hdc"}
    built = build(run, backbone=FAMILIES["bvlc-googlenet"], size=32, learning_rate=1e-4)
    if method == "hdc":
        assert built.network.tap_names == ("inception_4a", "inception_4d", "inception_5b")
    before = weights(built)
    advance(built, 1)
    stuck = [name for name, weight in built.network.named_parameters() if torch.equal(before[name], weight)]
    assert stuck == []


@pytest.mark.parametrize("family", ["small-cnn", "googlenet", "resnet18", "timm"])
def test_frozen_batch_norm_stays_bit_for_bit_while_the_rest_trains(family: str) -> None:
    settings_of(family)
    frozen = {**FAMILIES[family], "batch_norm": "frozen"}
    run = {"method": "triplet", "selection": "random"}
    method = build(run, backbone=frozen, size=32, weight_decay=0.1)
    norms = {
        f"{name}.{entry}"
        for name, part in method.network.named_modules()
        if isinstance(part, nn.BatchNorm2d)
        for entry in part.state_dict()
    }
    assert len(norms) >= 10
    before = weights(method)
    advance(method, 3)
    assert method.network.training
    after = weights(method)
    assert all(torch.equal(before[name], after[name]) for name in norms)
    convolutions = [name for name, weight in method.network.named_parameters() if weight.dim() == 4]
    assert not any(torch.equal(before[name], after[name]) for name in convolutions)
    free = weights(build(run, backbone=FAMILIES[family], size=32))
    assert set(free) == set(before), "frozen and free networks must load each other's files"


def test_batch_norm_moves_where_it_is_not_frozen() -> None:
    method = build({"method": "triplet", "selection": "random"}, backbone=FAMILIES["resnet18"], size=32)
    before = weights(method)
    advance(method, 1)
    for name in ("backbone.layer1.bn1.running_mean", "backbone.layer1.bn1.weight"):
        assert not torch.equal(before[name], weights(method)[name])


def test_each_family_undoes_the_scale_of_batches() -> None:
    pixels = torch.tensor([200.0, 100.0, 50.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    batch = (pixels - 127.5) / 64
    expected = {
        "bvlc-googlenet": (200 - 123, 100 - 117, 50 - 104),
        "googlenet": (200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1),
        "resnet18": ((200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225),
    }
    for family, values in expected.items():
        prepared = build_backbone(settings_of(family), 3, 32).prepare(batch)
        assert torch.allclose(prepared[0, :, 0, 0], torch.tensor(values, dtype=torch.float32), atol=1e-4), family


@pytest.mark.parametrize("family", ["bvlc-googlenet", "resnet18", "timm"])
def test_images_below_the_least_size_are_refused(family: str) -> None:
    with pytest.raises(UserError, match=r"images of at least 32 pixels, these have 31. Change dataset.size"):
        build_backbone(settings_of(family), 1, 31)


def test_timm_that_is_missing_and_names_it_does_not_know_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"has no 'resnet10_t' \(did you mean 'resnet10t'"):
        build_backbone(settings_of("timm", architecture="resnet10_t"), 1, 32)
    with pytest.raises(UserError, match=r"has no 'resnet18.a1_in2k' \(did you mean 'resnet18.a1_in1k'"):
        build_backbone(settings_of("timm", architecture="resnet18.a1_in2k"), 1, 32)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"not installed\. Run: pip install .*\[timm\]'; or choose"):
        build_backbone(backbone_from(FAMILIES["timm"]), 1, 32)


VITS = {
    "torchvision": ({"name": "torchvision", "architecture": "vit_b_16"}, ("block4", "block8", "class_token"), 768),
    "timm": ({"name": "timm", "architecture": "vit_tiny_patch16_224"}, ("block4", "block8", "pooled"), 192),
}


@pytest.mark.parametrize("name", VITS)
def test_a_transformer_has_maps_of_its_patches_at_two_depths_before_its_end(name: str) -> None:
    content, taps, width = VITS[name]
    settings = backbone_from(content | {"weights": "none", "embedding": 8})
    with torch.device("cpu" if name == "timm" else "meta"):
        trunk = build_backbone(settings, 3, 48)
    assert trunk.tap_shapes == {taps[0]: (width, 3, 3), taps[1]: (width, 3, 3), taps[2]: (width, 1, 1)}
    layers = trunk.layers()
    assert len(layers) == 13
    assert sorted(id(own) for layer in layers for own in layer) == sorted(id(own) for own in trunk.parameters())


def test_the_maps_of_a_transformer_are_what_its_blocks_hand_on() -> None:
    content, taps, _ = VITS["timm"]
    trunk = build_backbone(backbone_from(content | {"weights": "none", "embedding": 8}), 3, 48).eval()
    caught = {}
    for number in (4, 8):
        trunk.model.blocks[number - 1].register_forward_hook(
            lambda _, __, output, number=number: caught.__setitem__(number, output)
        )
    images = images_of(3, 48)
    with torch.no_grad():
        maps = trunk.taps(images, taps)
        alone = [trunk.taps(images, [tap])[tap] for tap in taps]
    for number in (4, 8):
        patches = caught[number][:, 1:].transpose(1, 2).reshape(maps[f"block{number}"].shape)
        torch.testing.assert_close(maps[f"block{number}"], patches)
    for tap, single in zip(taps, alone, strict=True):
        torch.testing.assert_close(maps[tap], single)


@pytest.mark.parametrize("tap", ["block4", "pooled"])
def test_a_trimmed_transformer_trains_all_that_it_keeps(tap: str) -> None:
    content, _, _ = VITS["timm"]
    settings = backbone_from(content | {"weights": "none", "embedding": 8, "tap": tap})
    network = EmbeddingNetwork(settings, 3, 32).train()
    network(images_of(3, 32))["embedding"].square().sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []
    assert len(network.backbone.model.blocks) == (4 if tap == "block4" else 12)


def test_hdc_trains_on_the_blocks_of_a_transformer() -> None:
    content, taps, _ = VITS["timm"]
    built = build({"method": "hdc"}, backbone=content | {"weights": "none", "embedding": 8}, size=32)
    assert built.network.tap_names == taps
    before = weights(built)
    advance(built, 1)
    assert [name for name, own in built.network.named_parameters() if torch.equal(before[name], own)] == []
