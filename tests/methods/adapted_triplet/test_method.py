"""The adapted triplet loss as a method: controls, resuming, settings."""

import pytest
import torch
from pydantic import ValidationError
from resuming import assert_resumes
from tiny import advance, build, weights

from hardmine.methods.adapted_triplet.settings import AdaptedTriplet

OWN = {"method": "adapted-triplet"}
RUNS = [
    OWN,
    OWN | {"penalty": "placebo", "members": "apn"},
    OWN | {"penalty": "centre", "weight": 0.1},
    OWN | {"selection": "random", "scope": "global", "norm": "squared", "reduction": "sum"},
    OWN | {"selection": "semihard", "distance": "l2", "normalise": False},
]


def trained(run, steps=6):
    torch.manual_seed(0)
    method = build(run)
    advance(method, steps)
    return weights(method)


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_penalty_without_a_gradient_is_none_whatever_its_weight():
    plain = trained(OWN | {"weight": 0})
    assert same(plain, trained(OWN | {"penalty_gradient": False, "weight": 7}))
    assert not same(plain, trained(OWN))


def test_without_a_penalty_it_is_the_method_triplet_up_to_rounding():
    control = trained(OWN | {"weight": 0, "triplet_mean": "violating"}, steps=3)
    plain = trained({"method": "triplet", "selection": "hard"}, steps=3)
    for name, value in plain.items():
        assert torch.allclose(control[name].float(), value.float(), atol=2e-3), name


def test_the_placebo_trains_otherwise():
    assert not same(trained(OWN), trained(OWN | {"penalty": "placebo"}))


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_a_resumed_run_goes_on_bit_for_bit(run):
    assert_resumes(run, (4, 5))


def test_training_lowers_the_loss():
    method = build(OWN | {"selection": "random"}, learning_rate=0.003, images=6400)
    first = advance(method, 8).means()["loss"]
    advance(method, 24)
    assert advance(method, 8).means()["loss"] < first


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"penalty": "centre", "scope": "global"}, "penalty: centre has no selected images; leave out scope"),
        ({"weight": -1}, "greater than or equal to 0"),
        ({"members": "a"}, "'pn' or 'apn'"),
        ({"selection": "hardest"}, "'hard', 'semihard' or 'random'"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        AdaptedTriplet(method="adapted-triplet", **keys)
