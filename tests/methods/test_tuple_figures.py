"""The figures of HAP2S, quadruplet, PDDM and CCL are drawn from histories, also where there is little in them."""

from pathlib import Path

import pandas as pd
import pytest
from drawn import assert_draws
from tiny import advance, build
from tuple_runs import RUNS

from hardmine.artefacts import Job
from hardmine.plotting import Report
from hardmine.settings.methods import METHODS, run_from

METHODS_ON_TUPLES = ("hap2s", "quadruplet", "pddm", "ccl")


@pytest.fixture(scope="module")
def histories() -> pd.DataFrame:
    """Two epochs of what every run logs, for two seeds."""
    rows = []
    for run, settings in RUNS.items():
        means = advance(build(settings), 5).means()
        for images, factor in ((100, 1.0), (200, 0.7)):
            for seed in (0, 1):
                changed = {name: value * factor for name, value in means.items()}
                rows.append({"run": run, "seed": seed, "epoch": images // 100, "images": images, **changed})
    return pd.DataFrame(rows)


def report(folder: Path, histories: pd.DataFrame, runs: dict) -> Report:
    own = {run: run_from(settings).own() for run, settings in runs.items()}
    job = Job("tiny", "figures", "report/tiny", (), (), {"runs": own, "seeds": [0, 1]}, {})
    return Report(job, folder, histories, pd.DataFrame())


@pytest.mark.parametrize("method", METHODS_ON_TUPLES)
@pytest.mark.parametrize("kind", ["all", "empty"])
def test_figures_are_drawn(method: str, kind: str, histories: pd.DataFrame, tmp_path: Path) -> None:
    runs = RUNS if kind == "all" else {method: RUNS[method]}
    rows = histories[["run", "seed", "epoch", "images"]] if kind == "empty" else histories
    assert_draws(report(tmp_path, rows, runs), method)


@pytest.mark.parametrize("method", METHODS_ON_TUPLES)
def test_every_figure_shows_something_of_the_main_run(method: str, histories: pd.DataFrame) -> None:
    source = Path(METHODS.table[method].figures.split(":")[0].replace(".", "/") + ".py")
    text = (Path(__file__).parents[2] / "src" / source).read_text()
    logged = histories[histories.run == method].dropna(axis=1).columns
    columns = [part.split('"')[1] for part in text.split("Curve(")[1:]]
    assert columns
    assert not [column for column in columns if column not in logged]
