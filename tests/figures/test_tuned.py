"""What the report says of tuning."""

import json
from pathlib import Path

import pandas as pd
import pytest
from fake_report import Plan, make_report

from hardmine.artefacts import Job
from hardmine.figures.tuned import read_trials, shown_rows, tuned_rows


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_report(Plan(trials=5), tmp_path_factory.mktemp("tuned"))


def test_own_rate_only_and_tuned_stand_side_by_side(report: Path) -> None:
    table = pd.read_csv(report / "tuned.csv").set_index("run")
    assert list(table.index) == ["triplet-semihard", "hdc"]
    row = table.loc["hdc"]
    assert row.own == pytest.approx(0.22)
    assert row.rate_only == pytest.approx(0.22)
    assert row.tuned == pytest.approx(0.5)
    assert row.gain == pytest.approx(0.28)
    assert (row["keys"], row.trials, row.failed, row.chosen) == (2, 5, 1, 2)
    assert json.loads(row["values"]) == {"training.learning_rate": 0.002, "margin": 0.3}


def test_the_page_shows_the_table_and_the_budget_figure(report: Path) -> None:
    page = (report / "index.html").read_text()
    assert 'href="#tuning"' in page
    assert "learning_rate 0.002, margin 0.3" in page
    assert "base takes what was found for triplet-semihard." in page
    for kind in ("svg", "png"):
        assert (report / f"figures/budget.{kind}").stat().st_size > 5_000


def test_a_report_without_tuning_has_none_of_it(tmp_path: Path) -> None:
    folder = make_report(Plan(), tmp_path)
    assert not (folder / "tuned.csv").exists()
    assert 'id="tuning"' not in (folder / "index.html").read_text()


def test_values_that_are_no_numbers_are_read_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("tuning/p/a/table")
    folder.mkdir(parents=True)
    head = "trial,searched,norm,shares,size,way,map@r,map@r_se,recall@1,below_best,below_best_se"
    rest = "0.2,0.01,0.3,0,0,0,0,best,"
    chosen = f'1,all,true,"[1.0, 0.5]",8,"""mean""",{rest}yes'
    (folder / "trials.csv").write_text(f"{head},distance,failed,rule,chosen\n0,own,,,,,{rest}\n{chosen}\n")
    settings = {"tuning": {"keys": {"a": ["norm", "shares", "size", "way"]}}, "order": ["a"]}
    job = Job("p", "figures", "report/p", (), (), settings, {})
    rows = tuned_rows(job, read_trials(job))
    assert json.loads(rows["values"][0]) == {"norm": True, "shares": [1.0, 0.5], "size": 8, "way": "mean"}
    assert shown_rows(rows)[0]["words"] == 'norm true, shares [1.0, 0.5], size 8, way "mean"'
