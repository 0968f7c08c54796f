"""Devices of one machine are shared out among jobs; proven with names of devices that need not exist."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from project import PLAN, ROOT, Project

from hardmine.artefacts import devices
from hardmine.training.device import _hold_one

JOB = """
import sys, time
from hardmine.artefacts import hold_device
device = hold_device(sys.argv[1].split(","), interval=0.01)
print(device, time.monotonic(), flush=True)
time.sleep(float(sys.argv[2]))
print(time.monotonic(), flush=True)
"""


def start(folder: Path, devices: str, seconds: float) -> subprocess.Popen[str]:
    environment = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", JOB, devices, str(seconds)], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_two_jobs_never_hold_the_same_device_and_all_get_one(tmp_path: Path) -> None:
    jobs = [start(tmp_path, "a,b", 0.3) for _ in range(6)]
    held = []
    for job in jobs:
        lines = [line for line in job.communicate(timeout=120)[0].splitlines() if "waiting" not in line]
        device, begin = lines[0].split()
        held.append((float(begin), float(lines[1]), device))
    assert set(Counter(device for *_, device in held)) == {"a", "b"}
    for number, (begin, end, device) in enumerate(sorted(held)):
        for other_begin, other_end, other in sorted(held)[number + 1 :]:
            assert other != device or other_begin >= end or other_end <= begin


def test_a_device_named_twice_takes_two_jobs_at_a_time_and_none_that_wants_it_alone(tmp_path: Path) -> None:
    jobs = [start(tmp_path, "a,a,b,b", 600) for _ in range(3)]
    for job in jobs:  # one after another, so that each meets what those before it hold
        job.first = job.stdout.readline().split()[0]
    assert sorted(job.first for job in jobs) == ["a", "a", "b"]
    others = start(tmp_path, "a", 0), start(tmp_path, "a,a", 0)
    assert re.match(r"all devices are in use \(a by process \d+ of ", others[0].stdout.readline())
    assert re.match(r"all devices are in use \(a by process \d+ of .* and process \d+ of ", others[1].stdout.readline())
    for job in jobs:
        job.kill()
        job.wait()
    assert all(other.communicate(timeout=60)[0].startswith("a ") for other in others)


def test_the_device_of_a_killed_job_is_free_again(tmp_path: Path) -> None:
    first = start(tmp_path, "a", 600)
    assert first.stdout.readline().startswith("a ")
    second = start(tmp_path, "a", 0)
    assert "all devices are in use (a by process " in second.stdout.readline()
    first.kill()
    first.wait()
    assert second.communicate(timeout=60)[0].startswith("a ")


@pytest.mark.parametrize(
    ("environment", "name", "visible", "chosen"),
    [
        ({"HARDMINE_DEVICES": "2,3"}, "auto", "2", "auto"),
        ({"CUDA_VISIBLE_DEVICES": "5, 7"}, "cuda:1", "7", "cuda"),
        ({"HARDMINE_DEVICES": "5,5,7,7"}, "cuda:1", "7", "cuda"),
        ({"CUDA_VISIBLE_DEVICES": "5", "SLURM_JOB_ID": "1"}, "auto", "5", "auto"),
        ({"CUDA_VISIBLE_DEVICES": ""}, "auto", "", "auto"),
        ({"HARDMINE_DEVICES": "2"}, "cuda:3", None, "cuda:3"),
    ],
)
def test_a_job_sees_the_one_device_that_it_holds(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    name: str,
    visible: str | None,
    chosen: str,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(devices, "_held", [])
    for key in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "HARDMINE_DEVICES"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert _hold_one(name) == chosen
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == visible


@pytest.mark.workflow
def test_jobs_of_the_profile_for_gpus_take_a_device_each(project: Project) -> None:
    project.edit(a=0.004, b=0.003)
    begun = time.time()
    project.run(
        "snakemake --cores 2 --quiet all --profile profiles/gpu --resources gpu=2 -- embed",
        HARDMINE_DEVICES="x,y",
        TMPDIR=str(project.folder.parent),
    )
    for run in ("a", "b"):
        for verb in ("train", "embed"):
            log = project.folder / f"logs/{verb}/tiny/{run}{'/seed0' if verb == 'train' else ''}.log"
            assert log.stat().st_mtime > begun
            assert log.read_text().splitlines()[0] in ("device x", "device y")


OMNIGLOT = {
    "plan": "o",
    "seeds": [0],
    "baseline": "a",
    "dataset": {"name": "omniglot"},
    "runs": {"a": {"method": "softmax"}},
}


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("plan", "devices", "options", "gpu", "said"),
    [
        (OMNIGLOT, "0,1", "", 1, "devices: 2 GPUs, each for one job at a time (--resources gpu=0 keeps to the processor)."),
        (OMNIGLOT, "0", "", 1, "devices: 1 GPU, for one job at a time"),
        (OMNIGLOT, "0,0,0", "", 1, "devices: 1 GPU, for 3 jobs at a time in all (--resources gpu=0 keeps to the processor)."),
        (OMNIGLOT, "", "", 0, "devices: no GPU here; trainings run on the processor."),
        (OMNIGLOT, "0,1", "--resources gpu=0", 0, None),
        (OMNIGLOT, "0", "--executor slurm --jobs 2", 1, None),
        (PLAN, "0", "", 0, None),
        (PLAN, "0", "--set-resources train_run:gpu=1 evaluate_run:gpu=1", 1, None),
    ],
)
def test_a_plan_on_photographs_uses_the_gpus_that_there_are_and_says_so(
    tmp_path: Path, plan: dict, devices: str, options: str, gpu: int, said: str | None
) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(plan))
    done = subprocess.run(
        f"snakemake -np --cores 2 --snakefile {ROOT / 'Snakefile'} --directory {tmp_path} --configfile params.yaml {options}",
        shell=True,
        cwd=tmp_path,
        env={**os.environ, "HARDMINE_DEVICES": devices, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    rules = [part for part in done.stdout.split("\n\n") if "rule train_run:" in part]
    assert rules and all(f"gpu={gpu}" in part for part in rules)
    (searched,) = set(re.findall(r"hardmine evaluate .*--device (\w+)", done.stdout))
    assert searched == ("auto" if "evaluate_run" in options else "cpu")
    assert (said or "devices:") in done.stderr if said else "devices:" not in done.stderr


def test_gpus_are_counted_from_the_driver_or_as_the_environment_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(devices, "version", lambda _: "2.12.0")
    for name in ("HARDMINE_DEVICES", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    assert devices.devices_here(tmp_path) == 2
    assert devices.devices_here(tmp_path / "none") == 0
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert devices.devices_here(tmp_path) == 1
    monkeypatch.setenv("HARDMINE_DEVICES", "0, 1,2")
    assert devices.devices_here(tmp_path) == 3
    monkeypatch.setattr(devices, "version", lambda _: "2.12.0+cpu")
    assert devices.devices_here(tmp_path) == 0
