"""Every plan of the project dry-runs on a machine that has none of the data."""

from pathlib import Path

import pytest
from project import ROOT, Project

pytestmark = pytest.mark.workflow

PLANS = sorted((ROOT / "experiments").glob("*.yaml"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("dry")
    return Project.create(base / "project", base / "remote")


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.stem)
def test_a_plan_dry_runs_without_any_data(empty: Project, plan: Path) -> None:
    shown = empty.run(f"snakemake --dry-run --quiet host --configfile {plan}").stdout
    assert "train_run" in shown
    assert "figures_plan" in shown
    assert not (empty.folder / "data").exists()
