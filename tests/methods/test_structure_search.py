"""The search spaces of the methods driven by structure: their keys are the run's, and what a trial needs is true."""

import pytest
from tiny import build

from hardmine.settings.methods import METHODS, run_from
from hardmine.settings.training import Training

RUNS = [
    {"method": "htl"},
    {"method": "htl", "margins": "flat"},
    {"method": "htl", "margins": "flat", "sampler": "balanced"},
    {"method": "facility-location"},
    {"method": "facility-location", "gamma": 0},
    {"method": "facility-location", "push": "contrastive"},
    {"method": "spectral"},
    {"method": "spectral", "head": 0},
    {"method": "spectral", "objective": "triplet"},
    {"method": "spectral", "objective": "softmax"},
    {"method": "adapted-triplet"},
    {"method": "adapted-triplet", "weight": 0},
]


def search_of(run: dict, **training: object):
    return METHODS.search(run["method"])(run_from(run), Training(**training))


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_every_value_of_a_space_is_one_that_the_settings_take(run: dict) -> None:
    space = search_of(run).space()
    assert len(space) <= 4
    for key, range_ in space.items():
        assert range_.reason
        for value in range_.choices or (range_.low, range_.high):
            assert getattr(run_from(run | {key: value}), key) == value


def test_a_batch_of_htl_is_what_its_sampler_makes() -> None:
    run = {"method": "htl", "seeds": 3, "group": 2, "images_per_class": 5}
    search, method = search_of(run, images=3000), build(run, images=3000)
    assert search.batch_images == method.images_per_step == 30
    assert search.batch_classes == method.sampler.classes
    assert search.acts_after(None) == {"warmup": method.warmup_steps * 30}
    assert search.batch_shapes(7)[0] == {"seeds": 3, "images_per_class": 5}
    assert all(2 <= shape["seeds"] <= 3 for shape in search.batch_shapes(7))
    assert search_of({"method": "htl", "margins": "flat", "sampler": "random"}).acts_after(None) == {}
