import math

import pandas as pd
import pytest

from hardmine.figures.collect import results_of, statistics_of
from hardmine.figures.tables import table_markdown, table_tex


def row(run: str, seed: int, value: float, **changed: object) -> dict:
    usual = {"embedding": "embedding", "split": "test", "protocol": "all-against-rest", "draw": 0}
    return {"dataset": "d", "run": run, "method": "m", "seed": seed, "metric": "recall", "k": 1, "value": value} | (
        usual | changed
    )


def test_of_draws_the_value_that_counts_and_of_protocols_the_first_go_to_the_results() -> None:
    details = pd.DataFrame(
        [
            row("a", 0, 0.5, metric="map", k=None, protocol="one-gallery-image"),
            row("a", 0, 0.4, metric="map", k=None, protocol="one-gallery-image", draw=1),
            row("a", 0, 0.9, metric="map", k=None, protocol="one-query-image"),
            row("a", 0, 0.7),
        ]
    )
    assert results_of(details)[["metric", "value"]].values.tolist() == [["map", 0.5], ["recall", 0.7]]


RESULTS = pd.DataFrame(
    [row("base", seed, 0.5 + seed / 100) for seed in range(3)]
    + [row("short", seed, 0.6 + seed / 90) for seed in range(2)]
    + [row("broken", seed, value) for seed, value in enumerate((0.2, math.nan, math.inf))]
    + [row("gone", seed, math.nan) for seed in range(3)]
)


def test_missing_seeds_are_counted_and_not_averaged_away() -> None:
    found = statistics_of(RESULTS, "base", [0, 1, 2, 3]).set_index("run")
    assert found.seeds.to_dict() == {"base": 3, "short": 2, "broken": 1, "gone": 0}
    assert set(found.seeds_expected) == {4}
    assert found.loc["short"].seeds_shared == 2
    assert found.loc["short"].difference == pytest.approx(0.1 + (1 / 90 - 1 / 100) / 2)
    assert found.loc["broken"]["mean"] == 0.2
    assert found.loc["broken"].verdict == "one seed"
    assert found.loc["gone"].verdict == "missing"
    assert math.isnan(found.loc["gone"]["mean"])


def test_a_run_without_a_metric_has_a_row_for_it() -> None:
    more = pd.concat([RESULTS, pd.DataFrame([row("base", 0, 0.9, metric="nmi", k=None)])])
    found = statistics_of(more, "base")
    assert found[found.metric == "nmi"].set_index("run").seeds.to_dict() == {
        "base": 1,
        "short": 0,
        "broken": 0,
        "gone": 0,
    }


def test_tables_show_missing_seeds_and_missing_values_last() -> None:
    statistics = statistics_of(RESULTS, "base", [0, 1, 2])
    lines = table_markdown(statistics, "base").splitlines()
    assert lines[-1] == "| gone | 0 of 3 | – |  | missing |"
    assert any(line.startswith("| short | 2 of 3 | 60.6 ± ") for line in lines)
    tex = table_tex(statistics)
    assert r"gone & -- \\" in tex
    assert r"short & $\mathbf{60.6" in tex
