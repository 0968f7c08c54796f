"""What several seeds say: means with intervals, and paired tests against a baseline."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = [
    "Comparison",
    "Summary",
    "are_equal",
    "compare",
    "half_width_of",
    "holm",
    "paired_p",
    "summarise",
    "verdict_of",
]

ROUNDING = 1e-12
"""Differences of shares that are equal in numbers of queries differ by less than this."""


@dataclass(frozen=True)
class Summary:
    """Mean over the seeds that have a finite value, with the half width of its 95 % t-interval.

    The mean is nan without such a seed, the half width below two.
    """

    mean: float
    half_width: float
    seeds: int


@dataclass(frozen=True)
class Comparison:
    """A run against the baseline, seed by seed.

    Attributes:
        difference: mean of run minus baseline over the shared seeds.
        half_width: of the 95 % t-interval of the difference (nan below two seeds).
        p: of the paired t-test (nan below two seeds, or where all differences are equal and not 0).
        p_holm: the same after Holm's correction over all runs compared.
        seeds: shared seeds.
        verdict: ``above``, ``below`` or ``within noise``, at 5 % after correction; ``one seed``, ``no spread`` (equal
            differences in all seeds) or ``missing`` (no shared seed) where there is nothing to test.
    """

    difference: float
    half_width: float
    p: float
    p_holm: float
    seeds: int
    verdict: str


def summarise(values: Mapping[int, float]) -> Summary:
    """Mean and 95 % t-interval of values by seed; values that are not finite count as missing."""
    numbers = np.array(list(_finite(values).values()), dtype=np.float64)
    return Summary(float(numbers.mean()) if len(numbers) else float("nan"), half_width_of(numbers), len(numbers))


def compare(runs: Mapping[str, Mapping[int, float]], baseline: str) -> dict[str, Comparison]:
    """Paired t-tests of every run against the baseline over the seeds they share, with Holm's correction.

    Args:
        runs: value by seed, for each run, the baseline among them.
        baseline: name of the baseline.
    """
    differences = {}
    base = _finite(runs[baseline])
    for name, values in runs.items():
        if name != baseline:
            own = _finite(values)
            differences[name] = np.array([own[seed] - base[seed] for seed in sorted(set(own) & set(base))])
    p_values = {name: paired_p(numbers) for name, numbers in differences.items()}
    corrected = holm(p_values)
    return {
        name: Comparison(
            float(numbers.mean()) if len(numbers) else float("nan"),
            half_width_of(numbers),
            p_values[name],
            corrected[name],
            len(numbers),
            verdict_of(len(numbers), numbers.mean() if len(numbers) else float("nan"), corrected[name]),
        )
        for name, numbers in differences.items()
    }


def _finite(values: Mapping[int, float]) -> dict[int, float]:
    return {seed: value for seed, value in values.items() if math.isfinite(value)}


def half_width_of(numbers: np.ndarray) -> float:
    """Half width of the 95 % t-interval of the mean; nan for fewer than two numbers."""
    if len(numbers) < 2:
        return float("nan")
    from scipy.stats import t

    return float(t.ppf(0.975, len(numbers) - 1) * numbers.std(ddof=1) / np.sqrt(len(numbers)))


def paired_p(differences: np.ndarray) -> float:
    """Of the t-test that the mean difference is 0; nan below two, and where all are equal but not 0."""
    if len(differences) < 2:
        return float("nan")
    if are_equal(differences):
        return 1.0 if are_equal([0.0, *differences]) else float("nan")
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(differences, 0.0).pvalue)


def are_equal(numbers: Sequence[float] | np.ndarray) -> bool:
    """Whether numbers differ by no more than rounding: 0.62 - 0.60 and 0.55 - 0.53 are both two of a hundred."""
    return bool(np.ptp(np.asarray(numbers, dtype=np.float64)) <= ROUNDING)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction; nan stays nan and does not count."""
    known = sorted((p, name) for name, p in p_values.items() if not np.isnan(p))
    corrected = dict.fromkeys(p_values, float("nan"))
    floor = 0.0
    for rank, (p, name) in enumerate(known):
        floor = max(floor, min(1.0, p * (len(known) - rank)))
        corrected[name] = floor
    return corrected


def verdict_of(count: int, difference: float, p: float) -> str:
    """The word for a difference, see ``Comparison``.

    Args:
        count: independent differences that there are.
        difference: their mean.
        p: after correction.
    """
    if count < 2:
        return "one seed" if count else "missing"
    if np.isnan(p):
        return "no spread"
    if p >= 0.05:
        return "within noise"
    return "above" if difference > 0 else "below"
