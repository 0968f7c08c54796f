"""The trunk's factor on the learning rate reaches the optimisers of every method."""

import pytest
import torch
from tiny import advance, build, weights

from hardmine.methods import Method
from hardmine.settings.methods import METHODS

RUNS = {name: {"method": name} for name in METHODS if name != "random"}
RUNS["npair"]["training"] = {"batch": {"classes": 8, "images_per_class": 2}}
RUNS["triplet"]["selection"] = "random"
RUNS["hdml"]["batch_size"] = 16
RUNS["hdc-caffe"] = {"method": "hdc", "sgd_style": "caffe"}
RUNS["hdml-decoupled"] = {**RUNS["hdml"], "weight_decay_form": "decoupled"}


def built(name: str, factor: float) -> Method:
    optimiser = {"optimiser": "sgd"} if name == "hdc-caffe" else {}
    return build(RUNS[name], backbone={"width": 2, "trunk_rate": factor}, **optimiser)


def rates(method: Method) -> dict[str, float]:
    names = {id(parameter): name for name, parameter in method.network.named_parameters()}
    return {
        names[id(parameter)]: group["lr"]
        for optimiser in method.optimisers
        for group in optimiser.param_groups
        for parameter in group["params"]
        if id(parameter) in names
    }


@pytest.mark.parametrize("name", RUNS)
def test_the_trunk_has_its_rate_times_the_factor_and_all_else_its_own(name: str) -> None:
    plain, scaled = rates(built(name, 1.0)), rates(built(name, 0.1))
    assert set(plain) == set(scaled)
    assert any(entry.startswith("backbone.") for entry in plain)
    assert not all(entry.startswith("backbone.") for entry in plain)
    for entry, rate in plain.items():
        factor = 0.1 if entry.startswith("backbone.") else 1.0
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
