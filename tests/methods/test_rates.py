"""Rates of trunk and new layers, decay and warm-up reach the optimisers of every method alike."""

import pytest
import torch
from tiny import advance, build, weights

from hardmine.errors import UserError
from hardmine.images import ImageStore
from hardmine.methods import Method
from hardmine.settings.methods import METHODS

RUNS = {name: {"method": name} for name in METHODS if name != "random"}
RUNS["npair"]["training"] = {"batch": {"classes": 8, "images_per_class": 2}}
RUNS["triplet"]["selection"] = "random"
for name in ("hdml", "daml", "dvml"):
    RUNS[name]["batch_size"] = 16
RUNS["spectral"]["head"] = 4
RUNS["hdc-caffe"] = {"method": "hdc", "sgd_style": "caffe"}
RUNS["hdml-decoupled"] = {**RUNS["hdml"], "weight_decay_form": "decoupled"}


def built(name: str, factor: float = 1.0, **training: object) -> Method:
    optimiser = {"optimiser": "sgd"} if name == "hdc-caffe" else {}
    return build(RUNS[name], backbone={"width": 2, "trunk_rate": factor}, **optimiser, **training)


def rates(method: Method) -> dict[str, float]:
    names = {id(parameter): name for name, parameter in method.network.named_parameters()}
    return {
        names[id(parameter)]: group["lr"]
        for optimiser in method.optimisers
        for group in optimiser.param_groups
        for parameter in group["params"]
        if id(parameter) in names
    }


def in_trunk(name: str) -> bool:
    """Whether a parameter is the trunk's, also where a network has several."""
    return name.startswith("backbone.") or ".backbone." in name


@pytest.mark.parametrize("name", RUNS)
def test_the_trunk_has_its_rate_times_the_factor_and_all_else_its_own(name: str) -> None:
    plain, scaled = rates(built(name, 1.0)), rates(built(name, 0.1))
    assert set(plain) == set(scaled)
    assert any(in_trunk(entry) for entry in plain)
    assert not all(in_trunk(entry) for entry in plain)
    for entry, rate in plain.items():
        factor = 0.1 if in_trunk(entry) else 1.0
        assert scaled[entry] == pytest.approx(rate * factor), entry


def test_decoupled_weight_decay_of_hdml_holds_on_both_sides_of_the_split() -> None:
    method = built("hdml-decoupled", 0.1)
    names = {id(parameter): name for name, parameter in method.network.named_parameters()}
    for group in method.optimisers[0].param_groups:
        for parameter in group["params"]:
            decays = parameter.dim() > 1 or names[id(parameter)] == "head.bias"
            assert (group["weight_decay"] > 0) == decays, names[id(parameter)]
            assert bool(group.get("decoupled_weight_decay")) == decays


def test_with_factor_0_the_trunk_keeps_its_weights_and_the_head_learns() -> None:
    method = built("triplet", 0.0)
    before = weights(method)
    advance(method, 3)
    for name, parameter in method.network.named_parameters():
        assert torch.equal(before[name], parameter) == name.startswith("backbone."), name


@pytest.mark.parametrize("name", RUNS)
def test_the_new_layers_have_their_rate_times_the_factor_and_the_trunk_its_own(name: str) -> None:
    plain, scaled = rates(built(name)), rates(built(name, head_rate=7.0))
    for entry, rate in plain.items():
        factor = 1.0 if in_trunk(entry) else 7.0
        assert scaled[entry] == pytest.approx(rate * factor), entry


def decayed(method: Method) -> set[str]:
    names = {id(parameter): name for name, parameter in method.network.named_parameters()}
    groups = [group for optimiser in method.optimisers for group in optimiser.param_groups]
    return {names[id(p)] for group in groups for p in group["params"] if group["weight_decay"] and id(p) in names}


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_norms_and_biases_are_not_decayed_unless_asked_for(optimiser: str) -> None:
    method = built("triplet", optimiser=optimiser, weight_decay=0.1)
    matrices = {name for name, parameter in method.network.named_parameters() if parameter.ndim > 1}
    assert decayed(method) == matrices
    everything = built("triplet", optimiser=optimiser, weight_decay=0.1, decay_norms_and_biases=True)
    assert decayed(everything) == {name for name, _ in method.network.named_parameters()}


def test_adamw_decays_apart_from_the_gradient() -> None:
    method = built("triplet", optimiser="adamw", weight_decay=0.1)
    assert isinstance(method.optimisers[0], torch.optim.AdamW)
    before = weights(method)
    method.set_learning_rates()
    for parameter in method.network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    method.optimisers[0].step()
    rate = method.setup.training.learning_rate
    for name, parameter in method.network.named_parameters():
        factor = 1 - rate * 0.1 if parameter.ndim > 1 else 1
        torch.testing.assert_close(parameter.detach(), before[name] * factor)


def test_rates_fall_from_layer_to_layer_of_a_transformer() -> None:
    vit = {"name": "timm", "architecture": "vit_tiny_patch16_224", "weights": "none", "embedding": 8}
    method = build({"method": "contrastive"}, backbone=vit, size=32, learning_rate=1.0, layer_decay=0.5)
    found = rates(method)
    assert found["head.weight"] == 1.0
    assert found["backbone.model.norm.weight"] == found["backbone.model.blocks.11.mlp.fc1.weight"] == 1.0
    assert found["backbone.model.blocks.10.mlp.fc1.weight"] == 0.5
    assert found["backbone.model.blocks.0.norm1.bias"] == 0.5**11
    assert found["backbone.model.patch_embed.proj.weight"] == found["backbone.model.pos_embed"] == 0.5**12


def test_rates_cannot_fall_within_one_layer() -> None:
    with pytest.raises(UserError, match=r"training\.layer_decay: small-cnn counts as one layer"):
        built("triplet", layer_decay=0.5)


def test_the_rate_rises_over_the_warm_up_and_falls_by_the_schedule() -> None:
    method = built("triplet", warmup_steps=4, schedule="constant", learning_rate=1.0)
    assert [method.schedule(step) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    with pytest.raises(UserError, match=r"training\.warmup_steps: 40 is no part of a training of 40 steps"):
        built("triplet", warmup_steps=40)


@pytest.mark.parametrize(
    ("run", "copies"),
    [
        ({"method": "ccl", "network": "mixed", "attribute": "script"}, "branch."),
        ({"method": "abe", "attention": "none", "deep_half": "own"}, "own_halves."),
    ],
)
def test_what_a_method_has_twice_of_the_trunk_learns_and_starts_as_the_trunk(
    run: dict, copies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = "U+0041", "U+0391"
    monkeypatch.setattr(ImageStore, "paths", lambda store: [f"{letters[label % 2]}/0" for label in store.labels])
    method = build(run, backbone={"width": 2, "embedding": 8, "trunk_rate": 0.1}, learning_rate=1.0)
    found = {name: rate for name, rate in rates(method).items() if name.startswith((copies, "backbone."))}
    assert any(name.startswith(copies) for name in found)
    assert set(found.values()) == {0.1}
    network = method.network
    network.load_origin({name: value + 1 for name, value in weights(method).items() if name.startswith("backbone.")})
    for copy, part in network.copies:
        for own, other in zip(copy.state_dict().values(), part.state_dict().values(), strict=True):
            assert torch.equal(own, other)
    whole = {name: value + torch.rand(()) for name, value in weights(method).items()}
    network.load_origin(whole)
    for name, value in network.named_parameters():
        assert torch.equal(value, whole[name]), name
