"""A plan that tunes: settings derived from an artefact, in the situations of docs/architecture.md."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from project import PLAN, Project, of_run, wait_for

pytestmark = pytest.mark.workflow

TUNED: dict[str, Any] = {
    **PLAN,
    # At such rates every training collapses, on any machine: the own settings are chosen.
    "tuning": {
        "trials": 2,
        "folds": 2,
        "rate_trials": 0,
        "batch": False,
        "shared": {"training.learning_rate": [1e8, 1e9]},
    },
    "training": {"images": 48, "batch": {"classes": 4, "images_per_class": 4}},
}
SNAKEMAKE = "snakemake --cores 2 --quiet all"


def tuning_of(run: str, *parts: str) -> set[str]:
    """The artefacts of a run's tuning: its choice, its table, and the trials named."""
    return {f"tuning/tiny/{run}/{part}" for part in ("choice", "table", *parts)}


EVERYTHING = {"data/raw/glyphs", "data/packed/glyphs-tiny", "report/tiny"}
for _run in ("a", "b"):
    EVERYTHING |= of_run(_run) | tuning_of(_run, "trial0", "trial1")


@pytest.fixture(scope="session")
def finished_tuning(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A tuned project after its first ``dvc repro``, committed and pushed."""
    return Project.finished(tmp_path_factory.mktemp("tuned"), EVERYTHING, TUNED)


@pytest.fixture
def project(finished_tuning: Project, tmp_path: Path) -> Project:
    return finished_tuning.copy(tmp_path / "project")


def edit(project: Project, **tuning: Any) -> None:
    plan = yaml.safe_load((project.folder / "params.yaml").read_text())
    plan["tuning"] |= tuning
    project.write_plan(plan)


def chosen(project: Project, run: str) -> dict[str, Any]:
    return json.loads((project.folder / f"tuning/tiny/{run}/choice/chosen.json").read_text())["values"]


def test_a_trial_more_trains_nothing_anew_and_another_range_what_is_chosen_otherwise(project: Project) -> None:
    assert project.planned() == set()
    models = [project.folder / f"models/tiny/{run}/seed0/model.safetensors" for run in ("a", "b")]
    before = [path.read_bytes() for path in models]
    edit(project, trials=3)
    project.run(SNAKEMAKE)
    assert project.jobs() == tuning_of("a", "trial2") | tuning_of("b", "trial2") | {"report/tiny"}
    assert chosen(project, "a") == chosen(project, "b") == {}
    assert [path.read_bytes() for path in models] == before
    project.verify()
    edit(project, trials=2, shared={"training.learning_rate": [0.0005, 0.004]})
    project.run(SNAKEMAKE)
    expected = tuning_of("a", "trial1") | tuning_of("b", "trial1") | {"report/tiny"}
    for run in ("a", "b"):
        expected |= of_run(run) if chosen(project, run) else set()
    assert project.jobs() == expected
    for run in ("a", "b"):
        record = json.loads((project.folder / f"models/tiny/{run}/seed0/made.json").read_text())
        own = PLAN["runs"][run].get("training", {}).get("learning_rate", 0.001)
        rate = chosen(project, run).get("training.learning_rate", own)
        assert record["resolved"]["training"]["learning_rate"] == rate
        assert record["settings"]["training"]["learning_rate"] == own
    assert project.planned() == set()
    project.verify()
    record["resolved"]["training"]["learning_rate"] = 7
    (project.folder / "models/tiny/b/seed0/made.json").write_text(json.dumps(record))
    done = project.run("hardmine verify train", check=False)
    assert "says other settings than its choice resolves to (training.learning_rate)" in done.stderr


def test_under_dvc_other_folds_make_the_trials_again_and_nothing_else(project: Project) -> None:
    edit(project, folds=3)
    project.run("dvc repro")
    trials = tuning_of("a", "trial0", "trial1") | tuning_of("b", "trial0", "trial1")
    assert project.jobs() == trials | {"report/tiny"}
    project.verify()


def test_one_run_s_own_range_concerns_that_run_alone_and_a_renamed_run_repeats_no_trial(project: Project) -> None:
    plan = yaml.safe_load((project.folder / "params.yaml").read_text())
    plan["runs"]["b"]["tune"] = {"temperature": [0.1, 0.2]}
    project.write_plan(plan)
    project.run(SNAKEMAKE)
    assert project.jobs() == tuning_of("b", "trial1") | {"report/tiny"}
    plan["runs"] = {"a": plan["runs"]["a"], "c": plan["runs"]["b"]}
    project.write_plan(plan)
    project.run("dvc repro")
    assert project.jobs() == tuning_of("c", "trial0", "trial1") | of_run("c")
    for number in (0, 1):
        log = project.folder / f"logs/tune/tiny/c/trial{number}.log"
        assert f"the same as tuning/tiny/b/trial{number}" in log.read_text()
    assert not (project.folder / "tuning/tiny/b").exists()
    project.verify()


def test_an_edit_in_a_fresh_clone_and_an_experiment_make_what_they_change(
    finished_tuning: Project, tmp_path: Path
) -> None:
    clone = finished_tuning.clone(tmp_path / "clone")
    assert clone.planned() == set()
    clone.run("dvc exp run --temp -q -S tuning.trials=3")
    assert clone.jobs() == tuning_of("a", "trial2") | tuning_of("b", "trial2") | {"report/tiny"}
    names = clone.run("dvc exp list --name-only").stdout.split()
    clone.run(f"dvc exp apply -q {names[0]}")
    assert clone.planned() == set()
    clone.verify()


def test_after_sigkill_in_a_trial_on_one_core_the_choice_is_that_of_two_cores(
    finished_tuning: Project, tmp_path: Path
) -> None:
    plan = {**TUNED, "training": TUNED["training"] | {"checkpoint_seconds": 0}}
    project = Project.create(tmp_path / "project", tmp_path / "remote", plan)
    command = "snakemake --cores 1 --quiet all -- tune"
    running = project.start(command)
    wait_for(lambda: list((project.folder / "scratch/tune").rglob("checkpoint.pt")), pause=0.02)
    for process in [*psutil.Process(running.pid).children(recursive=True), psutil.Process(running.pid)]:
        os.kill(process.pid, signal.SIGKILL)
    running.wait()
    project.run(command)
    for run in ("a", "b"):
        for name in ("choice/chosen.json", "table/trials.csv", "trial0/scores.json", "trial1/scores.json"):
            place = Path("tuning/tiny", run, name)
            assert (project.folder / place).read_bytes() == (finished_tuning.folder / place).read_bytes()
    project.run("hardmine verify tune")
