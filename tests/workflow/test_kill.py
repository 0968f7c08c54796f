"""A kill in the middle of training costs nothing but time."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import yaml
from project import PLAN, Project, of_run, wait_for

pytestmark = pytest.mark.workflow


def slow_plan() -> dict:
    """A plan whose training takes a few seconds and writes a checkpoint at every step."""
    plan = yaml.safe_load(yaml.safe_dump(PLAN))
    plan["training"] |= {"images": 3200, "checkpoint_seconds": 0}
    plan["runs"] = {"a": PLAN["runs"]["a"]}
    return plan


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("undisturbed")
    project = Project.create(base / "project", base / "remote", slow_plan())
    project.run("snakemake --cores 1 --quiet all")
    return project


@pytest.mark.parametrize(
    ("victim", "command"),
    [  # a training that is killed alone is tried again by Snakemake, with or without DVC above it
        ("workflow", "snakemake --cores 1 --quiet all"),
        ("workflow", "dvc repro"),
        ("training", "snakemake --cores 1 --quiet all"),
    ],
)
def test_after_sigkill_in_training_the_same_command_gives_the_same_model(
    undisturbed: Project, tmp_path: Path, command: str, victim: str
) -> None:
    project = Project.create(tmp_path / "project", tmp_path / "remote", slow_plan())
    running = project.start(command)
    checkpoint = project.folder / "scratch/train/models/tiny/a/seed0/checkpoint.pt"
    wait_for(checkpoint.exists)
    tree = [*psutil.Process(running.pid).children(recursive=True), psutil.Process(running.pid)]
    lines = {process: process.cmdline() for process in tree}
    training = [
        process for process, line in lines.items() if "train" in line and any(w.endswith("/hardmine") for w in line)
    ]
    assert len(training) == 1
    if victim == "training":
        os.kill(training[0].pid, signal.SIGKILL)
    else:
        for process, line in lines.items():
            if process.pid == running.pid or any(word.endswith("snakemake") for word in line):
                process.kill()
    status = running.wait(timeout=300)
    for process in training:
        wait_for(lambda process=process: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 10)
    if victim == "training":
        assert status == 0, "the workflow did not try again"
    else:
        assert not (project.folder / "models/tiny/a/seed0/made.json").exists()

    project.run(command)
    log = (project.folder / "logs/train/tiny/a/seed0.log").read_text()
    assert "resumed at step" in log
    for name in ("model.safetensors", "history.csv", "diagnostics.safetensors"):
        path = Path("models/tiny/a/seed0", name)
        assert (project.folder / path).read_bytes() == (undisturbed.folder / path).read_bytes()
    assert project.jobs() >= of_run("a")
    project.verify()


def test_a_second_workflow_leaves_with_a_message(undisturbed: Project, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project", tmp_path / "remote", slow_plan())
    first = subprocess.Popen(
        ["snakemake", "--cores", "1", "--quiet", "all"],
        cwd=project.folder,
        env=project.environment(),
        stderr=subprocess.DEVNULL,
    )
    wait_for((project.folder / "scratch/train/models/tiny/a/seed0/checkpoint.pt").exists)
    second = project.run("snakemake --cores 1", check=False)
    assert second.returncode == 2
    assert "another hardmine workflow is running" in second.stderr
    assert "Traceback" not in second.stderr
    assert first.wait(timeout=120) == 0
    project.verify()
