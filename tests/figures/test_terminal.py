import contextlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from fake_report import Plan, make_report

from hardmine.errors import FailedRunsError, UserError
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


def test_an_altered_table_is_refused(report: Path, tmp_path: Path) -> None:
    folder = tmp_path / "report/fake"
    shutil.copytree(report, folder)
    details = (folder / "details.csv").read_text()
    for content in (details.replace("0.", "0.9", 1), "a,b\n", ""):
        (folder / "details.csv").write_text(content)
        with contextlib.chdir(tmp_path), pytest.raises(UserError, match=r"details\.csv: (was altered|cannot be read)"):
            print_results(Path("report/fake"))


def test_runs_may_be_called_as_numbers_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place, names in enumerate((("base", "nan", "null"), ("01", "1e3", "2"))):
        text = shown(make_report(Plan(runs=names), tmp_path / str(place)), capsys)
        rows = [line.split()[1] for line in text.splitlines() if line.startswith("│")]
        assert sorted(rows) == sorted(names)


def test_a_report_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no report\. 'snakemake --cores all' makes it"):
        print_results(tmp_path / "report/none")


def test_a_failed_training_counts_is_marked_everywhere_and_show_leaves_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_report(Plan(failed=[("hdc", 1)], runs=("base", "hdc")), tmp_path)
    with contextlib.chdir(tmp_path), pytest.raises(FailedRunsError) as caught:
        print_results(Path("report/fake"))
    assert caught.value.exit_code == 3
    sentence = "hdc, seed 1: failed at step 1,234 and counts with epoch 2 (training: 'loss' became nan <b>)."
    assert str(caught.value) == sentence
    assert "Use hdc" in capsys.readouterr().out
    failed = pd.read_csv(folder / "failed.csv")
    assert failed[["run", "seed", "step", "counts"]].values.tolist() == [["hdc", 1, 1234, "epoch 2"]]
    assert sentence in (folder / "table.md").read_text()
    page = (folder / "index.html").read_text()
    assert "(1 failed)" in page
    assert "&#39;loss&#39; became nan &lt;b&gt;" in page
    statistics = pd.read_csv(folder / "statistics.csv")
    assert set(statistics.seeds) == {3}


def test_seconds_of_trainings_stand_in_the_table_where_logs_tell_them(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(report.parents[1], tmp_path / "copy")
    for seed, seconds in enumerate((10, 14)):
        log = tmp_path / f"copy/logs/train/fake/hdc/seed{seed}.tsv"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"s\th:m:s\n{seconds}\t0:00:10\n")
    text = shown(tmp_path / "copy/report/fake", capsys)
    (line,) = (line for line in text.splitlines() if line.startswith("│ hdc"))
    assert line.split()[-2] == "12"
    assert "s: seconds a training." in " ".join(text.split())
