"""HDC's network: shapes, gradient routes, joined levels, taps that are not there, weights of another run."""

from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.nn import functional

from hardmine.errors import UserError
from hardmine.methods.hdc.network import DeepestHead, HDCNetwork, ShallowHead
from hardmine.methods.hdc.settings import HDC
from hardmine.methods.levels import join_levels
from hardmine.settings.backbones import SmallCNN

torch.set_num_threads(1)
BACKBONE = SmallCNN(width=4, embedding=6)
IMAGES = torch.randn(8, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def network_of(**keys):
    torch.manual_seed(0)
    return HDCNetwork(HDC(method="hdc", **keys), BACKBONE, 1, 16)


def gradients(network, *levels, images=IMAGES):
    """Gradients after one backward on the sum of the squared entries of some levels; dropout off."""
    network.train()
    network.zero_grad(set_to_none=True)
    outputs = network(images)
    sum(outputs[level].square().sum() for level in levels).backward()
    return {name: parameter.grad for name, parameter in network.named_parameters()}


def test_levels_are_named_by_depth_and_joined_first():
    network = network_of().eval()
    assert {name: tuple(value.shape) for name, value in network(IMAGES).items()} == dict.fromkeys(
        ("level1", "level2", "level3"), (8, 6)
    )
    embeddings = network.embed(IMAGES)
    assert list(embeddings) == ["embedding", "level1", "level2", "level3", "equal-weights"]
    assert embeddings["embedding"].shape == embeddings["equal-weights"].shape == (8, 18)
    assert all(torch.allclose(value.norm(dim=1), torch.ones(8)) for value in embeddings.values())


def test_t9_weights_act_squared_on_squared_distances():
    levels, others = [torch.zeros(1, 4) for _ in range(3)], [torch.zeros(1, 4) for _ in range(3)]
    for other, distance in zip(others, (0.5, 0.2, 0.1), strict=True):
        other[0, 0] = distance**0.5
    for weights, expected in (((1, 2, 3), 2.2), ((1, 1, 2), 1.1), ((1, 1, 1), 0.8)):
        apart = (join_levels(levels, weights) - join_levels(others, weights)).square().sum()
        assert round(apart.item(), 6) == expected


def test_t9_joining_can_turn_a_ranking_round():
    query = [torch.zeros(1, 1, dtype=torch.float64)] * 3

    def distance(values, weights):
        levels = [torch.full((1, 1), value, dtype=torch.float64).sqrt() for value in values]
        return round((join_levels(query, weights) - join_levels(levels, weights)).square().sum().item(), 6)

    first, second = (0.1, 0.9, 0.9), (0.9, 0.4, 0.4)
    assert first[0] < second[0]
    assert (distance(second, (1, 1, 1)), distance(first, (1, 1, 1))) == (1.7, 1.9)
    assert (distance(second, (1, 2, 3)), distance(first, (1, 2, 3))) == (6.1, 11.8)


def test_the_final_embedding_ranks_as_the_weighted_sum_of_level_distances():
    embeddings = network_of(test_weights=(1, 1, 2)).eval().embed(IMAGES)
    levels = [functional.pdist(embeddings[f"level{number}"]).square() for number in (1, 2, 3)]
    expected = (levels[0] + levels[1] + 4 * levels[2]) / 6
    assert torch.allclose(functional.pdist(embeddings["embedding"]).square(), expected, atol=1e-6)


def test_one_level_uses_the_deepest_tap_and_has_one_embedding():
    network = network_of(ratios=(0.2,))
    assert network.tap_names == ("block4",)
    assert isinstance(network.heads[0], DeepestHead)
    assert list(network.eval().embed(IMAGES)) == ["embedding"]


def test_two_levels_use_the_two_deepest_taps_or_the_named_ones():
    assert network_of(ratios=(1, 0.5)).tap_names == ("block3", "block4")
    assert network_of(ratios=(1, 0.5), taps=("block2", "block3")).tap_names == ("block2", "block3")


def test_t11_a_level_sends_no_gradient_below_its_tap_or_to_other_heads():
    network = network_of(head_dropout=0, last_dropout=0)
    first, last = gradients(network, "level1"), gradients(network, "level3")
    for name, gradient in first.items():
        reached = name.startswith(("backbone.block1", "backbone.block2", "heads.0"))
        assert (gradient is not None and bool(gradient.any())) == reached, name
    assert all(last[name] is None for name in last if name.startswith(("heads.0", "heads.1")))
    assert all(last[name] is not None for name in last if name.startswith(("backbone.", "heads.2")))


def test_t11_the_shallow_trunk_receives_the_sum_of_the_levels():
    network = network_of(head_dropout=0, last_dropout=0).double()
    together = gradients(network, "level1", "level2", "level3", images=IMAGES.double())
    apart = [gradients(network, level, images=IMAGES.double()) for level in ("level1", "level2", "level3")]
    for name in together:
        if name.startswith(("backbone.block1", "backbone.block2")):
            assert torch.allclose(together[name], sum(part[name] for part in apart), rtol=1e-9, atol=1e-12), name


def test_the_head_pools_as_the_paper_does_on_14_by_14_maps_and_to_4_by_4_elsewhere():
    head = ShallowHead((3, 14, 14), 5, 7, 0.0, 2)
    assert (head.pool.kernel_size, head.pool.stride) == (5, 3)
    for edge in (2, 4, 8, 9, 14, 16):
        head = ShallowHead((3, edge, edge), 5, 7, 0.0, 2)
        assert head.pool(torch.randn(1, 3, edge, edge)).shape[2:] == (4, 4)
        assert head(torch.randn(2, 3, edge, edge)).shape == (2, 2)


def test_equal_parts_are_what_adaptive_pooling_gives():
    maps = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(ShallowHead((3, 8, 8), 5, 7, 0.0, 2).pool(maps), nn.AdaptiveAvgPool2d(4)(maps))


def test_embedding_layers_start_within_the_bound_with_zero_biases():
    for head in network_of().heads:
        bound = (3 / head.embedding.in_features) ** 0.5
        assert 0.8 * bound < head.embedding.weight.abs().max() <= bound
        assert not head.embedding.bias.any()


def test_dropout_acts_in_training_only():
    network = network_of()
    network.train()
    assert not torch.equal(network(IMAGES)["level3"], network(IMAGES)["level3"])
    network.eval()
    assert torch.equal(network(IMAGES)["level1"], network(IMAGES)["level1"])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"taps": ("block2", "block3", "block5")}, "has no tap 'block5'"),
        ({"taps": ("block4", "block3", "block2")}, "not in the order shallow to deep"),
    ],
)
def test_taps_the_backbone_does_not_offer_are_refused(keys, message):
    with pytest.raises(UserError, match=message):
        network_of(**keys)


def test_more_levels_than_taps_are_refused(monkeypatch):
    class OneTap(nn.Module):
        tap_shapes: ClassVar = {"only": (4, 8, 8)}

    monkeypatch.setattr("hardmine.methods.hdc.network.build_backbone", lambda *_: OneTap())
    with pytest.raises(UserError, match="3 levels are asked for, OneTap has 1 taps"):
        network_of()


@pytest.mark.parametrize("aux_init", ["pretrained", "random"])
def test_heads_come_from_another_run_unless_they_are_to_be_random(aux_init):
    network, origin = network_of(aux_init=aux_init), network_of()
    with torch.no_grad():
        for parameter in origin.parameters():
            parameter.add_(1)
    network.load_origin(origin.state_dict())
    taken = {name: torch.equal(value, origin.state_dict()[name]) for name, value in network.state_dict().items()}
    assert all(taken[name] for name in taken if name.startswith("backbone."))
    assert all(taken[name] == (aux_init == "pretrained") for name in taken if name.startswith("heads."))
