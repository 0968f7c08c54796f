"""A settings file of somebody else's: no name in it leads anywhere but where a plan would put it."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from hardmine.artefacts import Job, digests_of
from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan

PLAN = {
    "plan": "p",
    "baseline": "a",
    "dataset": {"name": "cub200"},
    "backbone": {"name": "torchvision", "architecture": "resnet18"},
    "runs": {
        "a": {"method": "triplet", "selection": "hard"},
        "b": {"method": "triplet", "selection": "hard", "weights": "run/a"},
    },
}


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def job_of(verb: str) -> Job:
    return [job for job in jobs_of(load_plan(PLAN, "plan.yaml")) if job.verb == verb][-1]


def written(job: Job, path: Path | None = None) -> Path:
    path = path or job.settings_file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(job.to_json()))
    return path


def test_what_dvc_looks_at_changes_with_the_settings_that_code_makes_of_a_plan() -> None:
    jobs = jobs_of(load_plan(PLAN, "plan.yaml"))
    other = [replace(job, settings={**job.settings, "default": 2}) if job.verb == "train" else job for job in jobs]
    before, after = (json.loads(digests_of(each)) for each in (jobs, other))
    assert [verb for verb in before if before[verb] != after[verb]] == ["train"]


def test_every_job_of_a_plan_is_read_back() -> None:
    for job in jobs_of(load_plan(PLAN, "plan.yaml")):
        assert Job.read(written(job)) == job
        aside = replace(job, folder=f"scratch/remake/{job.folder}")
        assert Job.read(written(aside)).folder == aside.folder


@pytest.mark.parametrize(
    "folder",
    [
        "/etc",
        "..",
        "../models/p/a/seed0",
        "models/p/../../other/seed0",
        "models/p/a/seed0/..",
        "models/p/a",
        "models/other/a/seed0",
        "models/p/a/seed0\n",
        "models/p/./seed0",
        "scratch/models/p/a/seed0",
        "embeddings/p/a/seed0",
        "src/hardmine",
        "",
        ".",
    ],
)
def test_a_folder_that_no_plan_names_is_refused_and_stays_as_it_was(folder: str, tmp_path: Path) -> None:
    job = replace(job_of("train"), folder=folder)
    with pytest.raises(UserError, match="not a settings file of hardmine"):
        Job.read(written(job, tmp_path / "evil.json"))
    with pytest.raises(UserError, match="not a settings file of hardmine"):
        Job.read(written(job, tmp_path / "scratch/settings/p/evil.json"))


def test_settings_that_lie_elsewhere_than_their_folder_says_are_refused(tmp_path: Path) -> None:
    job = job_of("train")
    for place in (tmp_path / "mine.json", tmp_path / "scratch/settings/p/models/p/a/seed1.json"):
        with pytest.raises(UserError, match="is not where the settings of models/p/b/seed2 are"):
            Job.read(written(job, place))


@pytest.mark.parametrize(
    ("verb", "changes", "where"),
    [
        ("train", {"outputs": ("../../x",)}, {}),
        ("train", {"outputs": ("/etc/passwd",)}, {}),
        ("train", {"outputs": ("a//b",)}, {}),
        ("train", {"outputs": ("a\x1b[2J",)}, {}),
        ("train", {"inputs": ("/etc",)}, {}),
        ("train", {"inputs": ("data/packed/../../..",)}, {}),
        ("train", {"verb": "rm"}, {}),
        ("train", {"plan": "../p"}, {}),
        ("train", {}, {"start": "/root/models"}),
        ("train", {}, {"weights": "/etc/passwd"}),
        ("train", {}, {"weights": "data/raw/../../x"}),
        ("embed", {}, {"model": "../other/models/p/a/seed0"}),
        ("evaluate", {}, {"embeddings": "/dev/shm"}),
        ("figures", {}, {"packed": "/"}),
        ("figures", {}, {"packed": 3}),
        ("download", {}, {"urls": ["file:///etc/passwd"]}),
    ],
)
def test_no_other_place_in_a_settings_file_leads_out_of_the_project(verb: str, changes: dict, where: dict) -> None:
    job = job_of(verb)
    job = replace(job, **changes, where=job.where | where)
    path = Path("scratch/settings/p", f"{job.folder}.json")
    with pytest.raises(UserError, match="not a settings file of hardmine"):
        Job.read(written(job, path))


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "endless"])
def test_what_is_no_file_is_named_and_not_waited_for(kind: str) -> None:
    path = job_of("train").settings_file
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            with open(path, "wb") as file:
                file.truncate(2**40)
    with pytest.raises(UserError, match=r"is a pipe|is a folder|is a device|is larger than"):
        Job.read(path)
