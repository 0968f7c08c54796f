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


def test_the_snakefile_of_the_catalog_is_the_same_workflow(empty: Project) -> None:
    own, other = (
        empty.run(f"snakemake --snakefile {name} --dry-run --quiet host --configfile {ROOT}/experiments/smoke.yaml").stdout
        for name in ("Snakefile", "workflow/Snakefile")
    )
    counts = [[line for line in text.splitlines() if line.split()[-1:] and line.split()[-1].isdigit()] for text in (own, other)]
    assert counts[0] == counts[1]
    assert any(line.startswith("train_run") for line in counts[0])
