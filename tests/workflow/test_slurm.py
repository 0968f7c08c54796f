"""A real Slurm controller and node on this machine: ``make test-slurm``."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest
import yaml
from project import PLAN, ROOT, Project, of_run, wait_for
from slurm_cluster import missing, slurm

pytestmark = [pytest.mark.workflow, pytest.mark.slurm]
SNAKEMAKE = (
    "snakemake --profile profiles/slurm --slurm-no-account --slurm-init-seconds-before-status-checks 3 --latency-wait 5 "
    "--set-resources train_run:gpu=1"
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    if absent := missing():
        pytest.skip(f"not installed: {', '.join(absent)} (Debian: slurm-wlm, munge)")
    with slurm(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


def create(folder, images: int) -> Project:
    """A project on the cluster's shared folder, one run."""
    plan = yaml.safe_load(yaml.safe_dump(PLAN))
    plan["training"] |= {"images": images, "checkpoint_seconds": 1}
    plan["runs"] = {"a": PLAN["runs"]["a"]}
    project = Project.create(folder / "project", folder / "remote", plan)
    shutil.copytree(ROOT / "profiles", project.folder / "profiles", dirs_exist_ok=True)
    return project


def test_the_pipeline_runs_through_with_a_gpu_for_training(cluster: dict[str, str], tmp_path) -> None:
    project = create(tmp_path, images=96)
    done = project.run(SNAKEMAKE, **cluster)
    assert "Submitted" in done.stdout + done.stderr or "submitted" in done.stdout + done.stderr
    assert project.jobs() == {"data/raw/glyphs", "data/packed/glyphs-tiny"} | of_run("a")
    project.verify()
    again = project.run(SNAKEMAKE, **cluster)
    assert project.jobs() == set()
    assert again.returncode == 0


def test_a_job_ended_by_its_limit_is_reported_and_retried_and_cancelling_leaves_nothing(
    cluster: dict[str, str], tmp_path, request: pytest.FixtureRequest
) -> None:
    project = create(tmp_path, images=10_000_000)
    project.run(f"{SNAKEMAKE} -- preprocess", **cluster)
    log = project.folder.parent / "snakemake.log"
    mark = f"limit-{os.getpid()}"
    with open(log, "w") as output:
        running = subprocess.Popen(
            f"exec {SNAKEMAKE} --set-resources train_run:runtime=1 train_run:gpu=1 -- train",
            shell=True,
            cwd=project.folder,
            env=project.environment(HARDMINE_MARK=mark, **cluster),
            stdout=output,
            stderr=output,
        )
    request.addfinalizer(running.kill)
    training = project.folder / "logs/train/tiny/a/seed0.log"
    wait_for(lambda: "TIMEOUT" in log.read_text(), 400)
    wait_for(lambda: training.exists() and "resumed at step" in training.read_text(), 200)

    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=200) != 0
    queue = ["squeue", "-h", "-t", "PENDING,RUNNING,COMPLETING"]
    own = project.environment(**cluster)
    wait_for(lambda: not subprocess.run(queue, env=own, capture_output=True, text=True).stdout.strip(), 120)

    def alive() -> list[int]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("HARDMINE_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
            except (psutil.Error, OSError):
                continue
        return found

    wait_for(lambda: not alive(), 60)
    assert not (project.folder / "models/tiny/a/seed0/made.json").exists()


def test_tuning_chooses_on_a_cluster_what_it_chooses_here(cluster: dict[str, str], tmp_path) -> None:
    plan = yaml.safe_load(yaml.safe_dump(PLAN))
    plan["training"] = {"images": 48, "batch": {"classes": 4, "images_per_class": 4}}
    plan["tuning"] = {"trials": 3, "folds": 2, "rate_trials": 0}
    here = Project.create(tmp_path / "here", tmp_path / "remote", plan)
    there = Project.create(tmp_path / "there", tmp_path / "remote", plan)
    shutil.copytree(ROOT / "profiles", there.folder / "profiles", dirs_exist_ok=True)
    here.run("snakemake --cores 2 --quiet all -- tune")
    there.run(f"{SNAKEMAKE} -- tune", **cluster)
    for run in ("a", "b"):
        for name in ("choice/chosen.json", "table/trials.csv"):
            mine, theirs = (project.folder / "tuning/tiny" / run / name for project in (here, there))
            assert theirs.read_bytes() == mine.read_bytes()
    there.run("hardmine verify tune")
