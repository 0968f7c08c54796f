"""The course of each method's training on made images, and what stands in for its passes."""

from typing import Any

import numpy as np
import pytest
import torch
from rehearsals import Measure, tiny_plan
from tiny import build, weights

from hardmine.errors import UserError
from hardmine.rehearsing import course as course_module
from hardmine.rehearsing.course import Course
from hardmine.rehearsing.memory import SavedTensors, held_bytes
from hardmine.rehearsing.stand_in import standing_in
from hardmine.settings.methods import METHODS

SMALL: dict[str, dict[str, Any]] = {
    "triplet": {"selection": "semihard"},
    "spectral": {"head": 8},
    "dreml": {"learners": 2},
    "schem": {"groups": 4, "group_size": 4},
    "hdml": {"batch_size": 16},
    "daml": {"batch_size": 16},
    "dvml": {"batch_size": 16},
    "smart-mining": {"batch_triplets": 16, "epoch_anchors": 48},
}


@pytest.mark.parametrize("method", list(METHODS.table))
def test_every_method_rehearses(method: str, measure: Measure) -> None:
    found = measure(tiny_plan({"method": method, **SMALL.get(method, {})}))
    assert found["outputs"]["embedding"] > 0
    assert found["notes"] == []
    assert found["evaluated_images"] == 80
    assert found["validation_seconds"] > 0
    if method == "random":
        assert found["total_steps"] == found["step_seconds"] == 0
    else:
        assert found["step_seconds"] > 0
        assert found["saved_bytes"] > found["batch_bytes"]
        assert found["held_bytes"]["gradients"] > 0


@pytest.mark.parametrize(
    ("run", "refreshes"),
    [
        ({"method": "htl", "seeds": 3, "group": 2, "images_per_class": 4, "warmup": 0.3}, True),
        ({"method": "smart-mining", "batch_triplets": 16, "epoch_anchors": 48}, True),
        ({"method": "schem", "groups": 4, "group_size": 4, "refresh_epochs": 1}, True),
        ({"method": "npair"}, False),
    ],
    ids=lambda value: value["method"] if isinstance(value, dict) else "",
)
def test_refreshes_are_priced_at_the_cost_of_the_images_that_were_made_up(run: dict, refreshes: bool) -> None:
    method = build(run, classes=24, images_per_class=25, images=6000)
    with standing_in(method) as stand:
        course = Course(method, stand, limit=30)
        course.walk()
        course.begin(course.middle)
        assert (stand.made >= 100) == (stand.rate > 0) == refreshes  # of 600, the first block of 500 is real
        assert course.beginnings[course.middle][-1] >= stand.made * stand.rate


def test_only_a_sample_really_goes_through_and_the_rest_are_unit_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    method = build({"method": "npair"}, classes=20, images_per_class=100)
    monkeypatch.setattr("hardmine.methods.base.block_of", lambda size: 50)
    with standing_in(method) as stand:
        found = method.embed_training(np.arange(2000))
        assert stand.made == 1900
    assert found.shape == (2000, 8)
    assert torch.allclose(found.norm(dim=1), torch.ones(2000), atol=1e-5)
    assert (found[100:] @ found[100:].T - torch.eye(1900)).abs().max() < 0.9999  # all different
    exact = method.embed_training(np.arange(100))
    assert torch.equal(exact, found[:100])


def test_a_rehearsal_leaves_the_weights_alone_and_takes_its_functions_back() -> None:
    method = build({"method": "npair"})
    before, names = weights(method), set(vars(method.network))
    with standing_in(method) as stand:
        course = Course(method, stand, limit=30)
        course.walk()
        course.measure_steps(2)
    for name, value in method.network.named_parameters():
        assert torch.equal(value, before[name]), name
    assert set(vars(method.network)) == names
    assert "plain" not in vars(method.images)


def test_a_step_over_the_limit_is_told_from_parts_of_its_batch() -> None:
    run = {"method": "npair"}
    shape: dict[str, Any] = {
        "size": 32,
        "backbone": {"width": 16},
        "classes": 32,
        "batch": {"classes": 32, "images_per_class": 4},
    }
    found = []
    for limit in (30.0, 1e-9):
        method = build(run, **shape)
        with standing_in(method) as stand:
            course = Course(method, stand, limit)
            course.walk()
            found.append(course.measure_steps(2))
    whole, parts = found
    assert (whole.timed, parts.timed) == (2, 0)
    assert parts.measured < 0.3 * parts.saved
    assert parts.saved == pytest.approx(whole.saved, rel=0.1)
    assert whole.saved == whole.measured


def test_a_step_that_needs_more_memory_than_is_free_is_not_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    method = build({"method": "npair"})
    monkeypatch.setattr(course_module, "available_bytes", lambda: 1000)
    with standing_in(method) as stand:
        course = Course(method, stand, limit=30)
        course.walk()
        assert course.measure_steps(2).timed == 0


def test_what_autograd_keeps_is_counted_once_a_storage_and_given_back() -> None:
    method = build({"method": "npair"})
    saved = SavedTensors(method)
    first = torch.ones(1000, requires_grad=True)
    with saved.counting():
        squared = first * first  # keeps one storage twice
        assert saved.peak == 4000
        (squared * squared).sum().backward()
        assert saved.peak == 8000
        del squared
    with saved.counting():
        (first * 2.0).sum().backward()
    assert saved.peak == 0  # nothing is left, and a product with a number keeps nothing


def test_held_bytes_are_those_of_weights_gradients_and_two_moments_of_adam() -> None:
    method = build({"method": "npair"})
    with standing_in(method) as stand:
        Course(method, stand, limit=30).walk()
    parameters = 4 * sum(value.numel() for value in method.network.parameters())
    held = held_bytes(method)
    assert held["gradients"] == parameters
    assert held["weights"] >= parameters
    assert 2 * parameters <= held["optimiser"] < 2.1 * parameters + 1000


def test_a_split_without_images_is_refused(measure: Measure) -> None:
    plan = tiny_plan(
        {"method": "npair"},
        training={"split": "warm"},
        dataset={"name": "cub200", "size": 32},
    )
    with pytest.raises(UserError, match=r"training\.split: no image is in the split warm"):
        measure(plan)


def test_settings_that_only_the_method_can_refuse_are_refused(measure: Measure) -> None:
    with pytest.raises(UserError, match="spectral"):
        measure(tiny_plan({"method": "spectral", "head": 64}))


def test_large_refreshes_follow_from_two_sizes(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardmine.rehearsing.training.WHOLE", 40)
    run = {"method": "htl", "seeds": 2, "group": 2, "images_per_class": 4, "warmup": 0.3}
    found = measure(tiny_plan(run), limit=1e-6)
    assert any(note.startswith("refreshes extrapolated from") for note in found["notes"])
    assert found["images"] == 192
    assert found["total_steps"] == pytest.approx(60, abs=4)
    assert found["refresh_seconds"] > 0
