"""hardmine compare: what it puts together, what it refuses, what it says."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from typer.testing import CliRunner

from hardmine.cli import app
from hardmine.comparing.cells import notes
from hardmine.comparing.datasets import by_dataset
from hardmine.comparing.reading import plan_file_of, read_measured
from hardmine.comparing.table import Comparison, comparison_of
from hardmine.comparing.writing import check_target, write_comparison
from hardmine.errors import UserError

BASE = [0.50, 0.52, 0.54]
ASK = {"ask": "Does mining pay?", "run": "mined", "against": "control"}


def values(gain: float = 0.1, noise: float = 0.01) -> dict[str, list[float]]:
    control = [value + 0.05 for value in BASE]
    return {"base": BASE, "control": control, "mined": [c + gain + noise * k for k, c in enumerate(control)]}


def compared(*sources: Path, metric: str = "recall@1") -> Comparison:
    return comparison_of(by_dataset([read_measured(source, metric) for source in sources]), "recall", 1)


def refused(match: str, *sources: Path, metric: str = "recall@1") -> None:
    with pytest.raises(UserError, match=match):
        compared(*sources, metric=metric)


def drawn(seed: int, **more: Any) -> dict[str, Any]:
    return {"dataset": {"name": "glyphs", "seed": seed, "variant": f"d{seed}"} | more}


def test_gains_are_paired_with_the_runs_own_control_and_base(reported: Any) -> None:
    comparison = compared(reported("one", values(), seconds=10, failed=[("mined", 2)]))
    base, _, mined = comparison.rows
    assert (base.over_control, base.over_base, base.failed, mined.failed) == (None, None, 0, 1)
    assert mined.score.mean == pytest.approx(0.68)
    assert (mined.over_control.over, mined.over_base.over) == ("control", "base")
    assert mined.over_control.estimate.mean == pytest.approx(0.11)
    assert mined.over_base.estimate.mean == pytest.approx(0.16)
    assert mined.over_control.estimate.p == pytest.approx(ttest_1samp([0.10, 0.11, 0.12], 0).pvalue)
    assert mined.seconds == 11
    assert mined.published is None


def test_plans_that_differ_in_the_draw_alone_are_draws_of_one_data_set(reported: Any) -> None:
    gains = (0.05, 0.1, 0.3)
    sources = [reported(f"draw{k}", values(gain), questions=[ASK], **drawn(k)) for k, gain in enumerate(gains)]
    comparison = compared(*sources)
    assert [(group.title, len(group.draws)) for group in comparison.datasets] == [("glyphs", 3)]
    mined = comparison.rows[-1]
    assert (mined.score.over, mined.score.replicates, mined.expected) == ("draws", 9, 9)
    (answer,) = comparison.answers
    assert answer.p == pytest.approx(ttest_1samp([gain + 0.01 for gain in gains], 0).pvalue)
    assert answer.verdict == "within noise"
    assert answer.estimate.half_width_seeds < 0.02 < answer.estimate.half_width


def test_a_plan_whose_seeds_have_classes_of_their_own_is_as_many_draws(reported: Any) -> None:
    comparison = compared(reported("own", values(), questions=[ASK], draws="each-seed"))
    (group,) = comparison.datasets
    assert group.draws == ["seed 0", "seed 1", "seed 2"]
    assert (comparison.answers[0].estimate.over, comparison.answers[0].estimate.freedom) == ("draws", 2)
    assert "glyphs: 3 draws of classes, 1 seed each; intervals speak of other draws of classes." in notes(comparison)


def test_holm_counts_the_questions_of_all_plans_and_nothing_else(reported: Any) -> None:
    first = reported("one", values(0.1), questions=[ASK])
    second = reported("two", values(0.02, 0.03), questions=[ASK], **drawn(0, size=16))
    comparison = compared(first, second)
    assert [group.title for group in comparison.datasets] == ["glyphs (size 32)", "glyphs (size 16)"]
    third = reported("three", values(0.02), **drawn(0, size=16, title="glyphs at 16 pixels"))
    assert [group.title for group in compared(first, third).datasets] == ["glyphs", "glyphs at 16 pixels"]
    sure, unsure = comparison.answers
    assert sure.p == pytest.approx(2 * ttest_1samp([0.10, 0.11, 0.12], 0).pvalue)
    assert unsure.p == pytest.approx(ttest_1samp([0.02, 0.05, 0.08], 0).pvalue)
    assert (sure.verdict, unsure.verdict) == ("above", "within noise")


def test_missing_seeds_are_marked_and_not_averaged_away(reported: Any) -> None:
    numbers = values() | {"mined": [0.7, math.nan, 0.8]}
    source = reported("one", numbers | {"control": BASE[:1]}, questions=[ASK])
    comparison = compared(source)
    assert [(row.score.replicates, row.expected) for row in comparison.rows] == [(3, 3), (1, 3), (2, 3)]
    assert comparison.answers[0].verdict == "one seed"
    shown = CliRunner().invoke(app, ["compare", str(source)], env={"COLUMNS": "160"}).output
    assert "2 of 3" in shown
    assert "(control), 1 of 3" in shown


def test_a_published_value_stands_beside_the_run_with_who_read_it(reported: Any) -> None:
    runs = {"base": {"method": "multi-similarity"}, "proxies": {"method": "softmax"}, "own": {"method": "random"}}
    source = reported("cub", dict.fromkeys(runs, BASE), runs=runs, dataset={"name": "cub200"})
    rows = compared(source).rows
    first, second = rows[0].published, rows[1].published
    assert (first.reader, second.reader, rows[2].published) == ("verified", "not verified", None)
    assert (first.value, first.more) == (pytest.approx(0.574), 1)
    assert first.gap == pytest.approx(0.52 - 0.574)
    assert "backbone: Inception with batch norm, here small-cnn" in first.differs


def test_what_is_not_alike_is_refused_with_both_plans_and_the_key(reported: Any) -> None:
    first = reported("one", values(), **drawn(0))
    other = reported("two", values(), evaluation={"protocol": "paper"}, **drawn(1))
    refused(r"one\.yaml and two\.yaml are evaluated otherwise \(protocol\)", first, other)
    other = reported("three", values(), training={"learning_rate": 0.5}, **drawn(1))
    refused(r"the run base differs between .* \(training\.learning_rate\)", first, other)
    other = reported("four", values(0.2), **drawn(0))
    refused(r"glyphs: mined, seed 0, seed 0 has another value in four\.yaml", first, other)
    again = reported("five", values(), **drawn(0))
    assert [row.score.replicates for row in compared(first, again).rows] == [3, 3, 3]


def test_a_report_that_is_missing_of_another_state_or_altered_names_the_command(reported: Any) -> None:
    source = reported("one", values())
    refused("nothing|measured are recall@1", source, metric="recall@10")
    refused("is no metric", source, metric="recall@x")
    text = source.read_text()
    source.write_text(text.replace("seeds:\n- 0\n", "seeds:\n"))
    refused(r"is not of one\.yaml as it is now: .*\(seeds\)\. 'snakemake --cores all --configfile one\.yaml'", source)
    source.write_text(text)
    results = Path("report/one/results.csv")
    results.write_text(results.read_text().replace("0.5", "0.6", 1))
    refused("results.csv: was altered", source)
    Path("report/one/made.json").unlink()
    source.rename("params.yaml")
    refused(r"has no report in report/one\. 'snakemake --cores all' makes it", Path("params.yaml"))


def test_a_report_is_named_by_its_folder_too(reported: Any) -> None:
    source = reported("one", values())
    with pytest.raises(UserError, match="nor a file of experiments/ is a plan of this name"):
        plan_file_of(Path("report/one"))
    Path("experiments").mkdir()
    source.rename("experiments/one.yaml")
    Path("experiments/broken.yaml").write_text("a: [")
    assert plan_file_of(Path("report/one/")) == Path("experiments/one.yaml")
    with pytest.raises(UserError, match="is no report of this project"):
        plan_file_of(Path("experiments"))


def test_files_say_the_same_as_the_table_and_what_they_were_made_of(reported: Any, tmp_path: Path) -> None:
    question = {**ASK, "ask": "=2+2 <b>&|x_1"}
    source = reported("one", values(), questions=[question], failed=[("mined", 2)])
    write_comparison(compared(source), tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/compare.csv")
    mined = table[table.run == "mined"].set_index("quantity")
    assert mined.loc["score"].value == pytest.approx(0.68)
    assert mined.loc["over control"].against == "control"
    assert mined.loc["failed"].value == 1
    assert mined.loc["question"].verdict == "above"
    assert mined.loc["question"].words.startswith("'=2+2")
    text = (tmp_path / "out/compare.md").read_text()
    assert "| mined | glyphs | 68.0 ± 7.5 | 3 (1 failed) | +11.0 ± 2.5 (control) | +16.0 ± 2.5 (base) |" in text
    assert r"=2+2 &lt;b&gt;&amp;\|x\_1" in text
    assert r"=2+2 $<$b>\&|x\_1" in (tmp_path / "out/compare.tex").read_text()
    made = json.loads((tmp_path / "out/made.json").read_text())
    assert made["metric"] == "recall@1"
    assert made["reports"]["one"]["commit"] == "c0ffee"
    assert len(made["reports"]["one"]["files"]["report/one/results.csv"]) == 64
    page = (tmp_path / "out/index.html").read_text()
    assert "<b>&" not in page
    check_target(tmp_path / "out")
    with pytest.raises(UserError, match="holds something else than a comparison"):
        check_target(Path("report/one"))


def test_the_command_prints_the_answer_and_leaves_with_2_for_a_mistake(reported: Any) -> None:
    source = reported("one", values(), questions=[ASK])
    done = CliRunner().invoke(app, ["compare", str(source), "--to", "out"])
    assert done.exit_code == 0
    assert "above" in done.output
    assert "out/index.html" in done.output
    assert sorted(path.name for path in Path("out").iterdir()) == [
        *("compare.csv", "compare.md", "compare.tex", "index.html", "made.json")
    ]
    assert isinstance(CliRunner().invoke(app, ["compare", "none.yaml"]).exception, UserError)
    assert CliRunner().invoke(app, ["compare", str(source), "--to", "out"]).exit_code == 0  # again
    Path("site").mkdir()
    Path("site/index.html").write_text("my own page")
    for place, words in (("site", "holds something else"), ("report/one", "holds something else"), (source, "a file")):
        done = CliRunner().invoke(app, ["compare", str(source), "--to", str(place)])
        assert isinstance(done.exception, UserError)
        assert words in str(done.exception)
    assert Path("site/index.html").read_text() == "my own page"


def test_runs_may_be_called_as_numbers_are(reported: Any) -> None:
    triplet = {"method": "triplet", "selection": "random"}
    runs = {"01": triplet, "nan": triplet | {"selection": "semihard"}, "1e3": triplet | {"selection": "hard"}}
    given = dict(zip(runs, values().values(), strict=True))
    source = reported("one", given, runs=runs, baseline="01")
    assert [row.score.replicates for row in compared(source).rows] == [3, 3, 3]
