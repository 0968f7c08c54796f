"""Plans dry-run on a machine that has none of the data: one of each kind, since all of them are read in tests/settings."""

from pathlib import Path

import pytest
from project import ROOT, Project

from hardmine.settings import read_yaml

pytestmark = pytest.mark.workflow



def one_of_each_kind() -> list[Path]:
    """The smallest plan of each data set, with and without tuning, and with classes of its own for each seed."""
    kinds: dict[tuple[str, bool, str], Path] = {}
    plans = {path: read_yaml(path) for path in sorted((ROOT / "experiments").glob("*.yaml"))}
    for path, plan in sorted(plans.items(), key=lambda both: len(both[1]["runs"])):
        kinds.setdefault((plan["dataset"]["name"], "tuning" in plan, plan.get("draws", "one")), path)
    return list(kinds.values())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("dry")
    return Project.create(base / "project", base / "remote")


@pytest.mark.parametrize("plan", one_of_each_kind(), ids=lambda path: path.stem)
def test_a_plan_dry_runs_without_any_data(empty: Project, plan: Path) -> None:
    shown = empty.run(f"snakemake --dry-run --quiet host --configfile {plan}").stdout
    assert "train_run" in shown
    assert "figures_plan" in shown
    assert not (empty.folder / "data").exists()


def test_the_snakefile_of_the_catalog_is_the_same_workflow(empty: Project) -> None:
    plan, counts = f"{ROOT}/experiments/smoke.yaml", []
    for name in ("Snakefile", "workflow/Snakefile"):
        shown = empty.run(f"snakemake --snakefile {name} --dry-run --quiet host --configfile {plan}").stdout
        rows = [line.split() for line in shown.splitlines()]
        counts.append({row[0]: row[1] for row in rows if len(row) == 2 and row[1].isdigit() and "_" in row[0]})
    assert counts[0] == counts[1]
    assert counts[0]["train_run"] == "2"
