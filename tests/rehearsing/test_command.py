"""The command on a tiny plan: what is measured once, what fails, what is written, what is refused."""

import contextlib
import csv
import importlib
import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from rehearsals import tiny_content, tiny_plan
from typer.testing import CliRunner

from hardmine.cli import app
from hardmine.datasets.items import write_items
from hardmine.errors import FailedRunsError, UserError
from hardmine.rehearsing import measuring
from hardmine.rehearsing.counts import made_items
from hardmine.rehearsing.pricing import RunPrice, price_of, price_run
from hardmine.rehearsing.tasks import Effort, key_of, rehearsed_runs

RUNS = ({"method": "npair"}, {"method": "spectral", "head": 64}, {"method": "npair"})
"""The second only the method itself refuses; the third is the first under another name."""
TRAIN = {
    "total_steps": 100,
    "images_per_step": 10,
    "epochs": 5,
    "milestones": 2,
    "step_seconds": 2.0,
    "refresh_seconds": 30.0,
    "end_seconds": 4.0,
    "last_seconds": 1.0,
    "event_seconds": 3.0,
    "validation_seconds": 7.0,
    "load_seconds": 5.0,
    "build_seconds": 1.0,
    "evaluated_images": 50,
    "embed_image_seconds": 0.1,
    "held_bytes": {"weights": 10, "gradients": 20},
    "saved_bytes": 300.0,
    "batch_bytes": 4000,
    "peak_bytes": 9e9,
    "notes": [],
}
EVALUATION = {"load_seconds": 1.0, "evaluate_seconds": 9.0, "peak_bytes": 1e9, "notes": ["evaluation extrapolated"]}


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["rehearse", *map(str, arguments)])


def written(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("rehearsed")
    plan = written(folder, tiny_content(*RUNS))
    with contextlib.chdir(folder):
        return folder, call(plan, "--steps", 1, "--cores", 1, "--json", "found.json", "--table", "table.csv")


def test_what_fails_is_told_and_the_rest_goes_on(rehearsed: tuple[Path, Result]) -> None:
    folder, done = rehearsed
    assert isinstance(done.exception, FailedRunsError)
    assert "1 runs failed in the rehearsal: tiny/r1" in str(done.exception)
    assert "lies in the span of" in done.output
    first, second, third = json.loads((folder / "found.json").read_text())["plans"][0]["runs"]
    assert first["train_seconds"] > 0 < first["evaluate_seconds"]
    assert second["failed"].startswith("training: spectral: a batch of 32 images")
    assert {**third, "run": "r0"} == first


def test_equal_runs_are_measured_once(rehearsed: tuple[Path, Result]) -> None:
    folder, done = rehearsed
    assert "trainings: 2 of 2 measured" in done.output
    assert "evaluations: 1 of 1 measured" in done.output
    assert len(list((folder / "scratch/rehearsal").iterdir())) == 3  # a training, its evaluation, the plan


def test_nothing_is_written_elsewhere(rehearsed: tuple[Path, Result]) -> None:
    folder, _ = rehearsed
    assert {path.name for path in folder.iterdir()} == {"plan.yaml", "found.json", "table.csv", "scratch"}


def test_the_table_has_a_row_a_plan(rehearsed: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, done = rehearsed
    (row,) = csv.DictReader((folder / "table.csv").read_text().splitlines())
    assert (row["plan"], row["trainings"], row["failed"]) == ("tiny", "6", "1")
    assert float(row["million_images"]) == pytest.approx(2 * 2 * 960 / 1e6)
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "docs/kept")
    (folder / "table.csv").rename(folder / "plans.csv")
    table = importlib.import_module("tables").plans(folder)
    assert "| tiny (1 runs failed) | 6 |  | 0.0038 |" in table
    for words in ("is an estimate", "a GPU's hours are another matter", "r0", "6 trainings"):
        assert words in " ".join(done.output.split())


def test_what_was_measured_is_kept_until_settings_or_effort_change(
    rehearsed: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = rehearsed
    monkeypatch.chdir(folder)
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(measuring, "_in_process", lambda task: asked.append(task) or {"failed": "not again"})
    kept = ("plan.yaml", "--steps", 1, "--cores", 1, "--run", "r0")
    assert call(*kept).exit_code == 0
    assert not asked
    for changed in (("--again",), ("--limit-seconds", "9")):
        assert isinstance(call(*kept, *changed).exception, FailedRunsError)
        assert len(asked) == 1
        asked.clear()
    assert not json.loads((folder / "scratch/rehearsal/tiny.json").read_text())["runs"][0]["failed"]


def test_a_key_tells_settings_and_code_but_not_how_much_memory_is_free() -> None:
    (run, other), _ = rehearsed_runs(tiny_plan({"method": "npair"}, {"method": "npair", "l2": 0.5}), Effort())
    assert key_of(run.train, run.code) != key_of(other.train, other.code)
    assert key_of(run.train, run.code) == key_of({**run.train, "memory_share": 0.1}, run.code)
    assert key_of(run.train, run.code) != key_of(run.train, ("hardmine.methods.hdc.method:HDCMethod",))


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        ({"baseline": "nobody"}, (), "there is no run 'nobody'"),
        ({}, ("--run", "r9"), "--run: there is no run 'r9' (did you mean 'r"),
        ({}, ("--images", 100), "--images and --classes are given together"),
        ({"dataset": {"name": "folder", "path": "pictures"}}, (), "nothing says how many images 'folder' has"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused(
    change: dict[str, Any], arguments: tuple, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(written(tmp_path, {**tiny_content(*RUNS), **change}), *arguments)
    assert isinstance(done.exception, UserError)
    assert done.exception.exit_code == 2
    assert words in str(done.exception)


def test_no_step_is_no_rehearsal_and_two_plans_have_two_names(tmp_path: Path) -> None:
    plan = written(tmp_path, tiny_content(*RUNS))
    assert call(plan, "--steps", 0).exit_code == 2
    assert "have the name 'tiny'" in str(call(plan, plan).exception)


def test_a_packed_list_is_taken_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = tiny_plan({"method": "npair"}, dataset={"name": "folder", "path": "pictures", "size": 16})
    packed = tmp_path / f"data/packed/folder-{plan.dataset.variant}"
    packed.mkdir(parents=True)
    write_items(packed / "items.csv", made_items({"train": (30, 6), "validation": (8, 2), "test": (12, 3)}))
    _, data = rehearsed_runs(plan, Effort())
    assert data["counts"] == {"test": [12, 3], "train": [30, 6], "validation": [8, 2]}
    assert data["list"] == str(packed / "items.csv")


@pytest.mark.parametrize(
    ("code", "lines", "words"),
    [
        (-signal.SIGKILL, [], "memory ran out"),
        (-signal.SIGSEGV, ["Fatal"], "was ended by SIGSEGV"),
        (-signal.SIGXCPU, [], "not done after 1,200 s of the processor"),
        (3, ["first", "last words"], "last words"),
        (3, [], "ended with code 3"),
    ],
)
def test_a_process_that_leaves_nothing_is_a_finding(code: int, lines: list[str], words: str) -> None:
    assert words in measuring._why(code, lines, 1200)


def test_a_run_is_priced_by_its_parts() -> None:
    found = price_run(tiny_plan({"method": "npair"}), "r0", TRAIN, EVALUATION)
    assert found.refresh_seconds == 30 + 5 * 4 + 1 + 2 * 3
    assert found.validation_seconds == 5 * 7
    assert found.train_seconds == 6 + 200 + 57 + 35
    assert found.embed_seconds == pytest.approx(5 + 5)
    assert found.evaluate_seconds == 10
    assert (found.images, found.device_bytes, found.host_bytes) == (1000, 4330, 9e9)
    assert found.notes == ("evaluation extrapolated",)


def test_trials_of_tuning_are_priced_at_their_images_and_folds() -> None:
    plan = tiny_plan({"method": "npair"}, tuning={"trials": 4, "folds": 3, "images": 480})
    found = price_run(plan, "r0", TRAIN, EVALUATION)
    core = 6 + 200 + 57
    assert found.trials == 4
    assert found.trial_seconds == 3 * (4 * 0.5 * core + 2 * 6)


@pytest.fixture
def price() -> Callable[..., Any]:
    plan, data = tiny_plan({"method": "npair"}), {"counts": {"train": [10, 2]}, "size": 4, "channels": 1, "source": "x"}
    run = RunPrice("r0", train_seconds=90.0, embed_seconds=6.0, evaluate_seconds=4.0, host_bytes=5.0)
    return lambda cores, count=1: price_of(plan, data, [run] * count, cores)


def test_a_plan_takes_no_less_than_its_longest_training(price: Callable[..., Any]) -> None:
    assert price(1).core_seconds == price(1).wall_seconds == 200
    assert price(2).wall_seconds == 100
    assert price(64).wall_seconds == 100
    assert (price(1).host_bytes, price(64).host_bytes) == (5, 10)
    assert price(1).disk_bytes == 160
    assert not price(1).failed
    assert replace(price(1), runs=(RunPrice("r0", failed="it broke"),)).failed
