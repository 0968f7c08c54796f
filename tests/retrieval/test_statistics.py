import math

import pytest

from hardmine.retrieval import compare, summarise


def test_the_interval_is_that_of_the_t_distribution() -> None:
    found = summarise({0: 1.0, 1: 2.0, 2: 3.0})
    assert found.mean == 2.0
    assert found.half_width == pytest.approx(4.302653 / math.sqrt(3), abs=1e-6)  # t(0.975, 2 degrees) = 4.302653


def test_one_seed_has_no_interval_and_no_verdict() -> None:
    assert math.isnan(summarise({0: 1.0}).half_width)
    assert compare({"a": {0: 1.0}, "b": {0: 2.0}}, "a")["b"].verdict == "one seed"


def test_differences_are_paired_by_seed() -> None:
    runs = {"base": {0: 0.1, 1: 0.9, 2: 0.5}, "better": {0: 0.11, 1: 0.912, 2: 0.511}}
    found = compare(runs, "base")["better"]
    assert found.difference == pytest.approx(0.011)
    assert found.verdict == "above"


def test_holm_corrects_in_steps() -> None:
    from scipy.stats import ttest_1samp

    base = dict.fromkeys(range(4), 0.0)
    runs = {
        "base": base,
        "x": {0: 1.0, 1: 1.1, 2: 0.9, 3: 1.0},
        "y": {0: 0.5, 1: 1.5, 2: 0.2, 3: 1.0},
        "z": {0: -1.0, 1: 1.0, 2: 0.5, 3: -0.4},
    }
    found = compare(runs, "base")
    raw = {name: ttest_1samp(list(runs[name].values()), 0).pvalue for name in "xyz"}
    assert raw["x"] < raw["y"] < raw["z"]
    assert found["x"].p_holm == pytest.approx(3 * raw["x"])
    assert found["y"].p_holm == pytest.approx(2 * raw["y"])
    assert found["z"].p_holm == pytest.approx(raw["z"])
    assert found["z"].verdict == "within noise"


def test_interval_and_p_equal_those_from_the_t_distribution_by_hand() -> None:
    differences = {0: 0.02, 1: 0.05, 2: 0.01, 3: 0.04, 4: 0.03}
    found = compare({"a": dict.fromkeys(range(5), 0.5), "b": {s: 0.5 + d for s, d in differences.items()}}, "a")["b"]
    # mean 0.03, standard error 0.0158114 / sqrt(5) = 0.0070711, t = 4.2426 on 4 degrees: p = 0.013236
    assert found.difference == pytest.approx(0.03)
    assert found.half_width == pytest.approx(2.776445 * 0.0070711, abs=1e-6)
    assert found.p == pytest.approx(0.013236, abs=1e-6)


def test_a_correction_never_falls_below_an_earlier_one_nor_rises_above_one() -> None:
    base = dict.fromkeys(range(3), 0.0)
    near = {0: 1.0, 1: 1.1, 2: 1.2}
    runs = {"base": base, "x": near, "y": {s: v + 1e-9 for s, v in near.items()}, "z": {0: 1.0, 1: -1.0, 2: 0.1}}
    found = compare(runs, "base")
    assert found["y"].p_holm == pytest.approx(3 * found["y"].p)
    assert found["x"].p_holm == found["y"].p_holm
    assert found["z"].p_holm <= 1.0


def test_values_that_are_not_finite_count_as_missing_seeds() -> None:
    found = summarise({0: 1.0, 1: math.nan, 2: math.inf})
    assert (found.mean, found.seeds) == (1.0, 1)
    assert math.isnan(summarise({0: math.nan}).mean)
    against = compare({"a": {0: 1.0, 1: 2.0, 2: 3.0}, "b": {0: 2.0, 1: math.nan, 2: 4.5}}, "a")["b"]
    assert against.seeds == 2
    assert against.difference == 1.25
    assert compare({"a": {0: 1.0}, "b": {}}, "a")["b"].verdict == "missing"


def test_only_shared_seeds_count() -> None:
    found = compare({"a": {0: 1.0, 1: 2.0}, "b": {1: 2.5, 2: 9.0}}, "a")["b"]
    assert found.seeds == 1
    assert found.difference == 0.5


def test_equal_differences_in_all_seeds_are_no_evidence() -> None:
    found = compare({"a": {0: 0.25, 1: 0.5}, "b": {0: 0.5, 1: 0.75}, "c": {0: 0.25, 1: 0.5}}, "a")
    assert found["b"].verdict == "no spread"
    assert found["c"].verdict == "within noise"


@pytest.mark.parametrize(("queries", "found"), [(300, (28, 39)), (1000, (60, 53, 69))])
def test_differences_of_as_many_queries_are_equal_however_their_shares_are_rounded(
    queries: int, found: tuple[int, ...]
) -> None:
    base = {seed: count / queries for seed, count in enumerate(found)}
    more = {seed: (count + 2) / queries for seed, count in enumerate(found)}
    assert len({more[seed] - base[seed] for seed in base}) > 1
    gaps = compare({"base": base, "more": more, "same": dict(base)}, "base")
    assert math.isnan(gaps["more"].p)
    assert gaps["more"].verdict == "no spread"
    assert gaps["same"].p == 1.0
    assert gaps["same"].verdict == "within noise"
