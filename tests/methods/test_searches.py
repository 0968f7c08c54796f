"""The search spaces of methods and their controls: their keys are the run's, and what a trial needs is true."""

import pytest
from tiny import build
from tuple_runs import RUNS as TUPLE_RUNS

from hardmine.settings.methods import METHODS, run_from
from hardmine.settings.training import Training

CONTROLS = {
    "htl": [{}, {"margins": "flat"}, {"margins": "flat", "sampler": "balanced"}],
    "facility-location": [{}, {"gamma": 0}, {"push": "contrastive"}],
    "spectral": [{}, {"head": 0}, {"objective": "triplet"}, {"objective": "softmax"}],
    "adapted-triplet": [{}, {"weight": 0}],
    "daml": [
        {"base_loss": "triplet"},
        {"preset": "release"},
        {"preset": "release", "variant": "permuted", "routing": "routed"},
        *({"variant": each} for each in ("full", "midpoint", "permuted", "no-adv", "no-reg", "base")),
    ],
    "dvml": [{"variant": each} for each in ("full", "noise", "no-sample", "no-decoder", "one-phase", "base")],
    "htg": [{"variant": each} for each in ("full", "identity", "step", "permuted", "no-d", "no-adv", "d-only", "base")],
    "bier": [
        {"boosting": "eta"},
        {"boosting": "none"},
        {"groups": [1]},
        {"groups": [1], "boosting": "own"},
        {"diversity": "activation"},
        {"diversity": "adversarial"},
        {"diversity": "adversarial", "adversary": "detached"},
    ],
    "abe": [{}, {"learners": 1}, {"divergence_weight": 0}, {"base_loss": "multi-similarity"}],
    "dreml": [{}, {"budget": "shared"}, {"targets": "classes"}, {"targets": "classes", "budget": "shared"}],
}
RUNS = [{"method": method, **keys} for method, runs in CONTROLS.items() for keys in runs] + list(TUPLE_RUNS.values())


def search_of(run: dict, **training: object):
    return METHODS.search(run["method"])(run_from(run), Training(**training))


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_every_value_of_a_space_is_one_that_the_settings_take(run: dict) -> None:
    space = search_of(run).space()
    assert len(space) <= 4
    for key, range_ in space.items():
        assert range_.reason
        for value in range_.choices or (range_.low, range_.high):
            found = getattr(run_from(run | {key: value}), key)
            assert (list(found) if isinstance(found, tuple) else found) == value


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_a_key_of_a_space_has_a_value_from_which_others_are_so_and_so_far(run: dict) -> None:
    for key, range_ in search_of(run).space().items():
        own = getattr(run_from(run), key)
        near, far = range_.around(own).gap(range_.around(own).at(0.5), own), range_.around(own).gap(own, own)
        assert near >= 0 == far


def test_a_batch_of_htl_is_what_its_sampler_makes() -> None:
    run = {"method": "htl", "seeds": 3, "group": 2, "images_per_class": 5}
    search, method = search_of(run, images=3000), build(run, images=3000)
    assert search.batch_images == method.images_per_step == 30
    assert search.batch_classes == method.sampler.classes
    assert search.acts_after(None) == {"warmup": method.warmup_steps * 30}
    assert search.batch_shapes(7)[0] == {"seeds": 3, "images_per_class": 5}
    assert all(2 <= shape["seeds"] <= 3 for shape in search.batch_shapes(7))
    assert search_of({"method": "htl", "margins": "flat", "sampler": "random"}).acts_after(None) == {}


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
@pytest.mark.parametrize("method", ["daml", "dvml", "hdml"])
def test_batches_of_tuples_are_the_samplers_half_and_twice_as_large(method: str, base_loss: str) -> None:
    run = {"method": method, "base_loss": base_loss, "batch_size": 12}
    search, trained = search_of(run), build(run)
    assert search.batch_images == trained.images_per_step == 12
    assert search.batch_classes == (6 if base_loss == "npair" else 2)
    assert search.batch_shapes(12) == [{"batch_size": size} for size in (12, 6, 24)]
    assert search.batch_shapes(11) == [{"batch_size": size} for size in (12, 6, 24)[: 2 if base_loss == "npair" else 3]]


@pytest.mark.parametrize("run", [{"method": "daml", "batch_size": 16}, {"method": "htg"}])
def test_made_samples_begin_after_a_share_of_the_trainings_images(run: dict) -> None:
    method = build(run, images=640)
    assert search_of(run, images=640).acts_after(None) == {"warm_share": method.warm_steps * 16}
    assert search_of(run | {"variant": "base"}).acts_after(None) == {}


def test_mechanisms_that_wait_for_epochs_or_steps_say_so() -> None:
    assert search_of({"method": "pddm", "warmup_epochs": 2}).acts_after(500) == {"warmup_epochs": 1000}
    assert search_of({"method": "pddm"}).acts_after(None) == {}
    assert search_of({"method": "quadruplet"}, images=1000).acts_after(None) == {"fixed_share": 100}
    assert search_of({"method": "quadruplet", "margins": "fixed"}).acts_after(None) == {}
    assert search_of({"method": "ccl"}).acts_after(500) == {}
    method = build({"method": "smart-mining", "triplets_per_anchor": 2, "batch_triplets": 4, "random_epochs": 1})
    assert search_of({"method": "smart-mining", "triplets_per_anchor": 2, "random_epochs": 1}).acts_after(
        len(method.setup.labels)
    ) == {"random_epochs": method.steps_per_epoch * method.images_per_step}
    assert search_of({"method": "ccl", "network": "mixed"}).acts_after(500) == {"attribute_epochs": 500}


def test_networks_of_dreml_take_batches_of_any_classes() -> None:
    search = search_of({"method": "dreml"})
    assert search.batch_classes == 1
    shapes = search.batch_shapes(3)
    assert {(shape["training.batch.classes"], shape["training.batch.images_per_class"]) for shape in shapes} == {
        (25, 4),
        (25, 2),
        (25, 8),
    }
