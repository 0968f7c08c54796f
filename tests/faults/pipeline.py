"""The small pipeline that faults are injected into: an undisturbed reference, and copies that have some way to go."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml
from project import ROOT, Project

from hardmine.artefacts import VERBS

FOLDERS = {
    "download": "data/raw",
    "preprocess": "data/packed",
    "train": "models",
    "embed": "embeddings",
    "evaluate": "metrics",
    "figures": "report",
}
RUN_VERBS = ("train", "embed", "evaluate")
COMMANDS = {"snakemake": "snakemake --cores 2 --quiet all", "dvc": "dvc repro"}
MARK = "HARDMINE_FAULT"


def small_plan() -> dict:
    """The smoke plan, with a checkpoint as often as the loop allows."""
    plan = yaml.safe_load((ROOT / "experiments/smoke.yaml").read_text())
    plan["training"] |= {"images": 1280, "checkpoint_seconds": 0}
    return plan


def results(folder: Path) -> dict[str, str]:
    """Digest of every result: models, embeddings, metrics, the tables and figures of the report."""
    paths = [path for name in list(FOLDERS.values())[2:] for path in sorted((folder / name).rglob("*"))]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if path.is_file() and path.name != "made.json"
    }


@dataclass
class Reference:
    """A finished, undisturbed project, recorded by DVC.

    Attributes:
        project: the folder; nobody changes it.
        results: its results' digests.
        seconds: what it took from nothing, with Snakemake.
    """

    project: Project
    results: dict[str, str]
    seconds: float

    @classmethod
    def make(cls, folder: Path) -> "Reference":
        """Run the pipeline once with Snakemake, and have DVC record it. The commit stays: it stands in the report."""
        project = Project.create(folder / "reference", folder / "remote", small_plan())
        start = time.monotonic()
        project.run(COMMANDS["snakemake"])
        seconds = time.monotonic() - start
        project.run(COMMANDS["dvc"])
        return cls(project, results(project.folder), seconds)

    def copy(self, folder: Path, verb: str, run: str = "*") -> Project:
        """A copy in which ``verb`` and all after it is still to do, for one run or for all."""
        shutil.copytree(self.project.folder, folder, symlinks=True, dirs_exist_ok=True)
        for each in VERBS[VERBS.index(verb) :]:
            shutil.rmtree(folder / "logs" / each)
            for made in folder.glob(FOLDERS[each] + (f"/smoke/{run}" if each in RUN_VERBS else "")):
                shutil.rmtree(made)
        return Project(folder)


class Run:
    """A command of a project, started and watched; every process of it carries the mark."""

    def __init__(self, project: Project, command: str, mark: str) -> None:
        self.mark = mark
        self.log = project.folder.parent / f"{mark}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                command.split(),
                cwd=project.folder,
                env=project.environment(**{MARK: mark}),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether the command itself has ended."""
        return self.process.poll() is not None

    def wait(self, seconds: float = 300) -> int:
        """The exit status of the command."""
        return self.process.wait(seconds)

    def processes(self, *words: str) -> list[psutil.Process]:
        """Living processes of this run whose command line is a Python program of this name with these words."""
        found = []
        for process in psutil.process_iter():
            try:
                line = process.cmdline()
                if process.environ().get(MARK) != self.mark or process.status() == psutil.STATUS_ZOMBIE:
                    continue
            except (psutil.Error, OSError):
                continue
            program = [os.path.basename(line[1]), *line[2:]] if len(line) > 1 else []
            if not words or (program[: len(words)] == list(words)):
                found.append(process)
        return found

    def stop_all(self) -> None:
        """SIGKILL to everything, at once, until nothing is left."""
        while left := self.processes():
            for process in left:
                try:
                    os.kill(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.process.poll()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
