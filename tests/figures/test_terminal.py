import contextlib
import json
from pathlib import Path

import pandas as pd
import pytest
from fake_report import Plan, make_report

from hardmine.errors import UserError
from hardmine.figures.terminal import print_results


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which the order of runs on test classes is the reverse of that on validation classes."""
    return make_report(Plan(reversed_on_test=True), tmp_path_factory.mktemp("report"))


def shown(report: Path, capsys: pytest.CaptureFixture[str], **options: bool) -> str:
    with contextlib.chdir(report.parents[1]):
        print_results(Path("report/fake"), **options)
    return capsys.readouterr().out


def runs_in(table: str) -> list[str]:
    words = [line.split()[1] for line in table.splitlines() if line.startswith("│")]
    return [word for word in words if word in ("base", "triplet-semihard", "hdc")]


def test_the_table_shows_validation_classes_and_no_number_of_test_classes(
    report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(report, capsys)
    assert runs_in(text) == ["hdc", "triplet-semihard", "base"]
    assert "on validation classes" in text
    assert "test classes" not in text
    details = pd.read_csv(report / "details.csv")
    for split, there in (("validation", True), ("test", False)):
        rows = details[(details.split == split) & (details.metric == "recall") & (details.k == 1)]
        means = [f"{100 * mean:.1f} ±" for mean in rows.groupby("run").value.mean()]
        assert all((mean in text) == there for mean in means)


def test_test_classes_come_second_when_they_are_asked_for(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(report, capsys, test=True)
    first, second = text.index("on validation classes"), text.index("on test classes")
    assert first < second
    assert runs_in(text) == ["hdc", "triplet-semihard", "base", "base", "triplet-semihard", "hdc"]
    assert text.rstrip().endswith("report/fake/index.html")
    assert text.index("Use hdc") > second


def test_the_summary_has_validation_first_and_test_under_a_key_of_its_own(report: Path) -> None:
    summary = json.loads((report / "summary.json").read_text())
    assert list(summary) == ["validation", "test"]
    assert list(summary["validation"]) == list(summary["test"]) == ["base", "triplet-semihard", "hdc"]
    assert list(summary["validation"]["hdc"]) == ["R@1", "MAP@R", "NMI"]
    assert summary["validation"]["hdc"]["R@1"] > summary["validation"]["base"]["R@1"]
    assert summary["test"]["hdc"]["R@1"] < summary["test"]["base"]["R@1"]


def test_without_validation_classes_the_table_says_how_to_see_test_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = make_report(Plan(splits=("test",)), tmp_path)
    text = shown(report, capsys)
    assert "Nothing was measured on validation classes; 'hardmine show --test' shows test classes." in text
    assert runs_in(text) == []
    assert runs_in(shown(report, capsys, test=True)) == ["hdc", "triplet-semihard", "base"]
    assert list(json.loads((report / "summary.json").read_text())) == ["validation", "test"]


def test_a_run_without_values_comes_last_with_a_dash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unknown = [("hdc", seed, metric) for seed in (0, 1, 2) for metric in ("recall", "map@r", "nmi")]
    text = shown(make_report(Plan(unknown=unknown), tmp_path), capsys, test=True)
    assert runs_in(text) == ["triplet-semihard", "base", "hdc"] * 2
    assert all(line.count("–") == 4 for line in text.splitlines() if line.startswith("│ hdc"))


def test_a_report_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing\. 'make reproduce' makes it"):
        print_results(tmp_path / "report/none")
