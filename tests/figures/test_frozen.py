"""How much training added to pretrained features: on the page, on a terminal, on the split that counts there."""

import contextlib
from pathlib import Path

import pandas as pd
import pytest
from fake_report import Plan, make_report

from hardmine.figures.frozen import training_added
from hardmine.figures.terminal import print_results


def results(**runs: list[float]) -> pd.DataFrame:
    rows = [
        {"run": run, "seed": seed, "metric": metric, "k": k, "value": value + shift}
        for run, values in runs.items()
        for seed, value in enumerate(values)
        for metric, k, shift in (("recall", 1, 0.0), ("recall", 2, 0.2), ("map@r", None, -0.1))
    ]
    return pd.DataFrame(rows).astype({"k": "Int64"})


FROZEN = {"features": ["triplet", "hdc"]}


def test_the_best_trained_run_is_set_against_the_features() -> None:
    table = results(features=[0.4, 0.4, 0.4], triplet=[0.5, 0.51, 0.52], hdc=[0.7, 0.71, 0.72], random=[0.9, 0.9, 0.9])
    (sentence,) = training_added(table, FROZEN, "test")
    assert sentence == (
        "Training added 31.0 ± 2.5 points of R@1 on test classes to the pretrained features: features 40.0 %, "
        "hdc, the highest, 71.0 %."
    )


def test_where_no_trained_run_is_above_the_features_training_added_nothing() -> None:
    (sentence,) = training_added(results(features=[0.8, 0.8], hdc=[0.7, 0.72], triplet=[0.5, 0.5]), FROZEN, "test")
    assert sentence.startswith("Training added nothing to the pretrained features: R@1 on test classes is 80.0 % for ")
    assert "71.0 % for hdc" in sentence


def test_one_seed_has_no_interval() -> None:
    (sentence,) = training_added(results(features=[0.4], hdc=[0.7]), FROZEN, "validation")
    assert "30.0 points of R@1 on validation classes" in sentence


def test_runs_without_a_seed_in_common_are_compared_by_their_means() -> None:
    table = results(features=[0.4, float("nan")], hdc=[float("nan"), 0.7])
    (sentence,) = training_added(table, FROZEN, "test")
    assert "Training added 30.0 points" in sentence


def test_features_are_set_against_runs_of_their_own_weights_alone() -> None:
    table = results(features=[0.4], vit=[0.8], hdc=[0.7], other=[0.9])
    first, second = training_added(table, {"features": ["hdc"], "vit": ["other"]}, "test")
    assert ("features 40.0 %, hdc" in first, "vit 80.0 %, other" in second) == (True, True)


@pytest.mark.parametrize("missing", ["features", "hdc"])
def test_what_was_not_measured_gives_no_sentence(missing: str) -> None:
    table = results(features=[0.4], hdc=[0.7])
    assert training_added(table[table.run != missing], {"features": ["hdc"]}, "test") == []
    assert training_added(table.iloc[:0], {"features": ["hdc"]}, "test") == []


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = Plan(runs=("features", "triplet-semihard", "hdc"), reversed_on_test=True)
    plan.job_settings = {
        "frozen": {"features": ["triplet-semihard", "hdc"]},
        "seen": {"hdc": "test classes may have been seen: x was pretrained on <b>everything</b>"},
    }
    return make_report(plan, tmp_path_factory.mktemp("report"))


def test_the_page_says_it_for_test_classes_and_names_doubtful_pretraining(report: Path) -> None:
    page = (report / "index.html").read_text()
    assert page.count("Training added nothing to the pretrained features: R@1 on test classes is") == 1
    assert "on validation classes is" not in page
    assert page.count("was pretrained on &lt;b&gt;everything&lt;/b&gt;.</p>") == 1


def test_the_terminal_says_it_for_the_split_that_is_shown(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def shown(**options: bool) -> str:
        with contextlib.chdir(report.parents[1]):
            print_results(Path("report/fake"), **options)
        return " ".join(capsys.readouterr().out.split())

    plain, asked = shown(), shown(test=True)
    assert "points of R@1 on validation classes to the pretrained features" in plain
    assert "on test classes" not in plain
    assert "Training added nothing to the pretrained features: R@1 on test classes" in asked
