"""Classes of its own for each seed: which jobs read which packing, and where the key has no meaning."""

from typing import Any

import pytest

from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan
from hardmine.settings.plan import Plan

RUNS = {"warm": {"method": "softmax"}, "base": {"method": "triplet", "selection": "random", "weights": "run/warm"}}

TUNED = {"base": RUNS["warm"], "mined": {"method": "triplet", "selection": "hard"}}
BIRDS = {"name": "torchvision", "architecture": "resnet50", "weights": "imagenet"}


def plan_of(dataset: dict[str, Any] | None = None, **more: Any) -> Plan:
    content = {"plan": "p", "seeds": [3, 5], "baseline": "base", "dataset": dataset or {"name": "glyphs"}, "runs": RUNS}
    return load_plan(content | more, "p.yaml")


def test_every_seed_reads_its_own_packing_through_all_verbs() -> None:
    jobs = jobs_of(plan_of({"name": "glyphs", "seed": 10}, draws="each-seed", tuning={"trials": 5}, runs=TUNED))
    packings = {job.folder: job.settings["dataset"]["seed"] for job in jobs if job.verb == "preprocess"}
    assert packings == {"data/packed/glyphs-32/seed3": 13, "data/packed/glyphs-32/seed5": 15}
    for job in jobs:
        assert not list(job.faults())
        seed = job.where.get("seed")
        if job.verb in ("train", "embed", "evaluate"):
            own = f"data/packed/glyphs-32/seed{seed}"
            assert job.where["packed"] == own
            assert [place for place in job.inputs if place.startswith("data/packed")] == [own]
        if job.verb == "tune" and job.where.get("trial") is not None:
            assert job.inputs[0] == job.where["packed"] == "data/packed/glyphs-32/seed3"
    report = jobs[-1]
    assert set(packings) < set(report.inputs)
    assert report.where["packed"] == "data/packed/glyphs-32/seed3"
    assert report.settings["draws"] == "each-seed"


def test_one_draw_for_all_is_what_it_was() -> None:
    jobs = jobs_of(plan_of())
    assert jobs_of(plan_of(draws="one")) == jobs
    assert "draws" not in jobs[-1].settings
    assert [job.folder for job in jobs if job.verb == "preprocess"] == ["data/packed/glyphs-32"]


def test_classes_of_a_published_set_are_drawn_where_the_plan_says_so() -> None:
    birds = {"name": "cub200", "classes": "drawn"}
    jobs = jobs_of(plan_of(birds, draws="each-seed", backbone=BIRDS))
    assert [job.settings["dataset"]["classes"] for job in jobs if job.verb == "preprocess"] == ["drawn", "drawn"]
    assert "published.csv" not in jobs[-1].outputs
    plain = jobs_of(plan_of({"name": "cub200"}, backbone=BIRDS))
    assert "published.csv" in plain[-1].outputs
    assert "classes" not in next(job for job in plain if job.verb == "preprocess").settings["dataset"]


@pytest.mark.parametrize(
    ("dataset", "draws", "expected"),
    [
        (
            {"name": "cub200"},
            "each-seed",
            "where cub200 is split as published or by a list; set dataset.classes: drawn",
        ),
        ({"name": "folder", "path": "x", "list": "l.csv"}, "each-seed", "where folder is split"),
        ({"name": "inshop", "classes": "drawn"}, "one", "drawn has no meaning for inshop"),
        ({"name": "vehicleid", "classes": "drawn"}, "each-seed", "drawn has no meaning for vehicleid"),
        ({"name": "glyphs"}, "each", "draws: 'each' is not allowed .did you mean 'each-seed'"),
    ],
)
def test_a_draw_that_has_no_meaning_is_refused(dataset: dict[str, Any], draws: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        plan_of(dataset, draws=draws, backbone=BIRDS)


def test_a_folder_is_drawn_as_it_is_or_by_its_list() -> None:
    for more in ({}, {"list": "l.csv", "classes": "drawn"}):
        plan = plan_of({"name": "folder", "path": "x"} | more, draws="each-seed")
        assert plan.dataset_of(5).seed == 5
