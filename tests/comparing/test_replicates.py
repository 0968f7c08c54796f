"""Intervals over draws and seeds: against the plain tests they must equal, and as often right as they say."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from hardmine.comparing.replicates import Replicate, differences, estimate
from hardmine.retrieval import compare

RNG = np.random.default_rng


def replicates(values: np.ndarray) -> dict[Replicate, float]:
    """Values [draws, seeds] by replicate."""
    return {(f"seed {draw}", seed): float(value) for (draw, seed), value in np.ndenumerate(values)}


def test_of_one_draw_it_is_the_paired_test_of_a_plans_report() -> None:
    one, other = RNG(0).normal(size=(2, 1, 5))
    found = estimate(differences(replicates(one), replicates(other)))
    plain = compare({"one": dict(enumerate(one[0])), "other": dict(enumerate(other[0]))}, "other")["one"]
    assert (found.mean, found.half_width, found.p) == pytest.approx((plain.difference, plain.half_width, plain.p))
    assert (found.over, found.draws, found.replicates) == ("seeds", 1, 5)
    assert found.verdict(found.p) == plain.verdict


def test_of_three_draws_their_means_are_tested_and_a_draw_with_fewer_seeds_counts_as_much() -> None:
    values = replicates(RNG(1).normal(0.4, 1, (3, 4)))
    del values["seed 2", 3]
    values["seed 1", 0] = math.nan
    means = [np.nanmean([value for (draw, _), value in values.items() if draw == f"seed {k}"]) for k in range(3)]
    plain = ttest_1samp(means, 0)
    found = estimate(values)
    assert found.mean == pytest.approx(np.mean(means))
    assert found.p == pytest.approx(plain.pvalue)
    assert found.mean - found.half_width == pytest.approx(plain.confidence_interval(0.95).low)
    assert (found.over, found.draws, found.replicates) == ("draws", 3, 10)


def test_two_draws_tell_of_other_seeds_alone() -> None:
    found = estimate(replicates(np.array([[0.0, 2.0], [10.0, 12.0]])))
    # Two degrees of freedom, variance 2 in each draw: error √(2 · (1/2 + 1/2)) / 2 = √2 / 2; t is 4.3027.
    assert (found.over, found.mean) == ("seeds", 6)
    assert found.half_width == pytest.approx(4.3027 * math.sqrt(2) / 2, abs=1e-3)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([], "missing"),
        ([[math.nan, math.nan]], "missing"),
        ([[0.3]], "one seed"),
        ([[0.3], [0.4]], "one seed"),
        ([[0.0, 0.0]], "within noise"),
        ([[0.5, 0.5]], "no spread"),
        ([[0.5], [0.5], [0.5]], "no spread"),
        ([[0.5], [0.51], [0.52]], "above"),
        ([[-0.5, -0.51], [-0.5, -0.52]], "below"),
    ],
)
def test_the_word_for_a_difference(values: list, word: str) -> None:
    found = estimate(replicates(np.array(values, dtype=float)) if values else {})
    assert found.verdict(found.p) == word


@pytest.mark.parametrize("own", [0.0, 0.5, 1.5], ids=["draws alike", "draws differ a little", "draws differ much"])
def test_intervals_hold_the_truth_95_times_of_100_whether_draws_differ_or_not(own: float) -> None:
    rng, tries = RNG(2), 400
    samples = 0.3 + own * rng.normal(size=(tries, 3, 1)) + rng.normal(size=(tries, 3, 3))
    found = [estimate(replicates(sample)) for sample in samples]
    held = np.mean([abs(one.mean - 0.3) <= one.half_width for one in found])
    seeds_alone = np.mean([abs(one.mean - 0.3) <= one.half_width_seeds for one in found])
    assert held == pytest.approx(0.95, abs=0.033)  # three standard errors of 400 tries
    assert seeds_alone == pytest.approx(0.95, abs=0.033) if own == 0 else seeds_alone < 0.9


def test_differences_of_as_many_queries_have_no_spread_however_they_are_rounded() -> None:
    base, more = (60, 53, 69), (62, 55, 71)
    for draws in ("aaa", "abc"):
        shares = {(draw, seed): (m - b) / 1000 for seed, (draw, b, m) in enumerate(zip(draws, base, more, strict=True))}
        rounded = {key: value + 3e-17 * seed for seed, (key, value) in enumerate(shares.items())}
        found = estimate(rounded)
        assert math.isnan(found.p)
        assert found.verdict(found.p) == "no spread"
