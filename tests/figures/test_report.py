import json
import math
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from fake_report import PACKED, Plan, write_artefacts

from hardmine.artefacts import Job, settle
from hardmine.figures.collect import results_of, statistics_of
from hardmine.figures.report import figures
from hardmine.figures.tables import table_markdown, table_rows, table_tex
from hardmine.plotting.style import colour_of, line_of
from hardmine.settings import jobs_of, read_plan


def details(values: dict[str, list[float]]) -> pd.DataFrame:
    rows = []
    for run, numbers in values.items():
        for seed, value in enumerate(numbers):
            head = {"dataset": "d", "run": run, "method": "m", "seed": seed, "protocol": "all-against-rest", "draw": 0}
            for split, embedding, number in (
                ("test", "embedding", value),
                ("validation", "embedding", 0.0),
                ("test", "level1", 0.0),
            ):
                rows.append(
                    {**head, "split": split, "embedding": embedding, "metric": "recall", "k": 1, "value": number}
                )
            rows.append(
                {**head, "split": "test", "embedding": "embedding", "metric": "nmi", "k": None, "value": value / 2}
            )
    table = pd.DataFrame(rows)
    table["k"] = table["k"].astype("Int64")
    return table


VALUES = {"base": [0.5, 0.52, 0.54], "better": [0.6, 0.621, 0.64], "same": [0.5, 0.53, 0.53]}


def test_results_hold_the_final_embedding_on_the_test_split_only() -> None:
    results = results_of(details(VALUES))
    assert list(results.columns) == ["dataset", "run", "method", "seed", "metric", "k", "value"]
    assert len(results) == 3 * 3 * 2
    assert (results.value > 0).all()


def test_statistics_compare_every_run_with_the_baseline() -> None:
    found = statistics_of(results_of(details(VALUES)), "base")
    recall = found[found.metric == "recall"].set_index("run")
    assert recall.loc["better"].verdict == "above"
    assert recall.loc["same"].verdict == "within noise"
    assert recall.loc["base"].verdict == "baseline"
    assert recall.loc["better"].difference == pytest.approx(0.100333, abs=1e-6)


def test_the_table_is_sorted_and_in_percent() -> None:
    statistics = statistics_of(results_of(details(VALUES)), "base")
    columns, rows = table_rows(statistics)
    assert [column[0] for column in columns] == ["recall", "nmi"]
    assert rows[0]["run"] == "better"
    assert rows[0]["cells"][0][0] == pytest.approx(62.0333, abs=1e-3)
    text = table_markdown(statistics, "base")
    assert "| better | 3 | 62.0 ± 5.0 |" in text
    assert text.count("\n") == 5
    tex = table_tex(statistics)
    assert r"$\mathbf{62.0\pm 5.0}$" in tex
    assert tex.startswith(r"\begin{tabular}{lrr}")


def test_of_an_error_the_least_is_best_and_tables_say_so() -> None:
    errors = details({"base": [0.5, 0.52], "other": [0.7, 0.72]}).replace({"metric": {"nmi": "fnmr@0.01"}})
    statistics = statistics_of(results_of(errors), "base")
    assert r"base & $51.0\pm 12.7$ & $\mathbf{25.5\pm 6.4}$" in table_tex(statistics)
    assert "FNMR@1%" in table_markdown(statistics, "base")
    assert "less is better" in table_markdown(statistics, "base")


def test_one_seed_shows_no_interval() -> None:
    statistics = statistics_of(results_of(details({"base": [0.5], "other": [0.7]})), "base")
    _, rows = table_rows(statistics)
    assert math.isnan(rows[0]["cells"][0][1])
    assert rows[0]["verdict"] == "one seed"
    assert "| 70.0 |" in table_markdown(statistics, "base")


def test_a_run_has_one_colour_and_variants_take_their_methods_colour_with_a_dash() -> None:
    assert colour_of("hdc") == colour_of("hdc-cascade")
    family = ["hdc", "hdc-cascade", "hdc-warm", "hdc-a", "hdc-b", "hdc-c"]
    assert line_of("hdc", family)[0] == "-"
    assert len({line_of(run, family) for run in family}) == len(family)
    assert colour_of("triplet-semihard") != colour_of("triplet-random")
    assert colour_of("something-else") == colour_of("something-else")


def test_a_value_that_is_missing_is_a_dash_and_its_run_comes_last() -> None:
    values = {"base": [0.5, 0.52], "broken": [math.nan, math.nan], "better": [0.6, 0.62]}
    statistics = statistics_of(results_of(details(values)), "base")
    _, rows = table_rows(statistics)
    assert [row["run"] for row in rows] == ["better", "base", "broken"]
    assert "| – | – |" in table_markdown(statistics, "base")
    tex = table_tex(statistics)
    assert r"broken & -- & -- \\" in tex
    assert tex.count(r"\mathbf") == 2


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed")
def test_the_table_compiles_whatever_runs_are_called(tmp_path: Path) -> None:
    names = ["base", "a_b", "50%&more", "#1 {x}", "$y^2~z\\n"]
    values = {name: [0.5 + 0.01 * number, math.nan if number == 2 else 0.52] for number, name in enumerate(names)}
    (tmp_path / "table.tex").write_text(table_tex(statistics_of(results_of(details(values)), "base")))
    lines = "".join(rf"\newcommand{{\{name}rule}}{{\hline}}" for name in ("top", "mid", "bottom"))
    packages = rf"\documentclass{{article}}\IfFileExists{{booktabs.sty}}{{\usepackage{{booktabs}}}}{{{lines}}}"
    (tmp_path / "paper.tex").write_text(packages + r"\begin{document}\input{table}\end{document}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 5000


def test_the_first_of_tied_runs_is_the_first_in_the_plan_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["z-simple", "m-middle", "a-elaborate"]
    plan = {"plan": "fake", "baseline": "a-elaborate", "dataset": {"name": "glyphs", "variant": "fake"}}
    plan |= {"runs": {name: {"method": "triplet", "selection": "random"} for name in names}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    write_artefacts(Plan(names), tmp_path)
    (tmp_path / PACKED).rename(tmp_path / "data/packed/glyphs-fake")
    for path in tmp_path.glob("metrics/fake/*/seed*/metrics.json"):
        content = json.loads(path.read_text())
        for value in content["values"]:
            value["value"] = 0.5 + int(path.parent.name[-1]) / 100
        path.write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    jobs = jobs_of(read_plan(tmp_path / "plan.yaml"))
    settle(jobs, False)
    figures(Job.read(jobs[-1].settings_file), Path("report/fake"))
    assert "Use z-simple:" in Path("report/fake/index.html").read_text()
    assert list(dict.fromkeys(pd.read_csv("report/fake/details.csv").run)) == names
