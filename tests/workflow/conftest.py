"""The small project, run once with ``dvc repro`` and pushed; tests work on copies and clones."""

import fcntl
from pathlib import Path

import pytest
from project import EVERYTHING, Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Project:
    """A project after its first ``dvc repro``, committed and pushed; one for all processes of a call."""
    own = tmp_path_factory.getbasetemp()
    base = (own if worker_id == "master" else own.parent) / "finished"
    done = base / "done"
    with open(base.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            Project.finished(base, EVERYTHING)
            done.touch()
    return Project(base / "project")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project."""
    return finished.copy(tmp_path / "project")


@pytest.fixture
def clone(finished: Project, tmp_path: Path) -> Project:
    """A fresh clone with its data pulled: no Snakemake metadata, arbitrary times."""
    return finished.clone(tmp_path / "clone")
