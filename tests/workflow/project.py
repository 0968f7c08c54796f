"""A small project in a folder of its own: a copy of the workflow and the package, a tiny plan, git, DVC, a remote."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PLAN = {
    "plan": "tiny",
    "seeds": [0],
    "baseline": "a",
    "dataset": {
        "name": "glyphs",
        "variant": "tiny",
        "size": 16,
        "train_letters": 10,
        "validation_letters": 4,
        "test_letters": 10,
        "warm_letters": 4,
        "images_per_letter": 8,
    },
    "backbone": {"width": 16, "embedding": 64},  # a model file of more than 1 MB
    "training": {"images": 96, "batch": {"classes": 8, "images_per_class": 4}},
    "runs": {
        "a": {"method": "triplet", "selection": "random"},
        "b": {"method": "softmax", "training": {"learning_rate": 0.002}},
    },
}
COPIED = (
    "Snakefile",
    "workflow",
    "profiles",
    "src",
    "dvc.yaml",
    ".dvc/plots",
    ".gitignore",
    ".dvcignore",
    "requirements.lock",
)


class Project:
    """A working folder of the small project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder.parent / f"{folder.name}.journal"

    @classmethod
    def create(cls, folder: Path, remote: Path, plan: dict | None = None) -> "Project":
        """A fresh project with its first commit."""
        folder.mkdir(parents=True)
        project = cls(folder)
        project.run("git init -q -b main && dvc init -q && dvc config core.analytics false")
        for name in COPIED:
            source, target = ROOT / name, folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        project.write_plan(plan or PLAN)
        for command in (
            "git config user.email test@example.org",
            "git config user.name test",
            f"dvc remote add -d store {remote}",
        ):
            project.run(command)
        project.commit("start")
        return project

    @classmethod
    def finished(cls, base: Path, everything: set[str], plan: dict | None = None) -> "Project":
        """A project after its first ``dvc repro``, which made everything, committed and pushed."""
        project = cls.create(base / "project", base / "remote", plan)
        project.run("dvc repro")
        assert project.jobs() == everything
        project.commit("first results")
        project.run("dvc push")
        return project

    def clone(self, folder: Path) -> "Project":
        """A fresh clone with its data pulled: no Snakemake metadata, arbitrary times."""
        self.run(f"git clone -q . {folder}")
        cloned = Project(folder)
        cloned.run("git config user.email test@example.org && git config user.name test && dvc pull -q")
        return cloned

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Start a command in the project without waiting for it."""
        silent = subprocess.DEVNULL
        return subprocess.Popen(
            command.split(), cwd=self.folder, env=self.environment(), stdout=silent, stderr=silent
        )

    def run(self, command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project with the package of the project itself."""
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment(**environment), capture_output=True, text=True
        )
        if check and done.returncode:
            raise AssertionError(f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of its commands."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"PATH": path, "PYTHONPATH": str(self.folder / "src"), "HARDMINE_JOURNAL": str(self.journal)}
        return {**os.environ, **own, "DVC_NO_ANALYTICS": "1", "PYTHONDONTWRITEBYTECODE": "1", **more}

    def write_plan(self, plan: dict) -> None:
        """Make ``plan`` the plan in force."""
        (self.folder / "params.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))

    def edit(self, **rates: float) -> None:
        """Change learning rates of runs."""
        plan = yaml.safe_load((self.folder / "params.yaml").read_text())
        for run, rate in rates.items():
            plan["runs"][run].setdefault("training", {})["learning_rate"] = rate
        self.write_plan(plan)

    def commit(self, message: str) -> None:
        """Commit everything git sees."""
        self.run(f"git add -A && git commit -q --allow-empty -m '{message}'")

    def jobs(self) -> set[str]:
        """Artefacts made since the last call."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        self.journal.unlink(missing_ok=True)
        made = [line.split(",")[2] for line in lines]
        assert len(made) == len(set(made)), f"made twice: {made}"
        return set(made)

    def planned(self) -> set[str]:
        """Rules a dry run would run, without ``all``."""
        shown = self.run("snakemake -n --quiet host").stdout
        return set(re.findall(r"^([a-z]\w+) +\d+$", shown, re.MULTILINE)) - {"total", "all"}

    def verify(self) -> None:
        """Every artefact must verify."""
        self.run("hardmine verify")

    def copy(self, folder: Path) -> "Project":
        """A copy of the whole folder, times kept."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)


def wait_for(condition: Callable[[], object], seconds: float = 180, pause: float = 0.05) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause)


def of_run(run: str, *seeds: int) -> set[str]:
    """The artefacts that depend on one run's training, the report included."""
    return {
        f"{verb}/tiny/{run}/seed{seed}" for verb in ("models", "embeddings", "metrics") for seed in seeds or (0,)
    } | {"report/tiny"}


EVERYTHING = {"data/raw/glyphs", "data/packed/glyphs-tiny"} | of_run("a") | of_run("b")
