"""The small project, run once with ``dvc repro`` and pushed; tests work on copies and clones."""

from pathlib import Path

import pytest
from project import EVERYTHING, Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first ``dvc repro``, committed and pushed."""
    base = tmp_path_factory.mktemp("finished")
    project = Project.create(base / "project", base / "remote")
    project.run("dvc repro")
    assert project.jobs() == EVERYTHING
    project.commit("first results")
    project.run("dvc push")
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project."""
    return finished.copy(tmp_path / "project")


@pytest.fixture
def clone(finished: Project, tmp_path: Path) -> Project:
    """A fresh clone with its data pulled: no Snakemake metadata, arbitrary times."""
    finished.run(f"git clone -q . {tmp_path / 'clone'}")
    cloned = Project(tmp_path / "clone")
    cloned.run("git config user.email test@example.org && git config user.name test && dvc pull -q")
    return cloned
