"""The small project, run once with ``dvc repro`` and pushed; tests work on copies and clones."""

from pathlib import Path

import pytest
from project import EVERYTHING, Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first ``dvc repro``, committed and pushed."""
    return Project.finished(tmp_path_factory.mktemp("finished"), EVERYTHING)


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project."""
    return finished.copy(tmp_path / "project")


@pytest.fixture
def clone(finished: Project, tmp_path: Path) -> Project:
    """A fresh clone with its data pulled: no Snakemake metadata, arbitrary times."""
    return finished.clone(tmp_path / "clone")
