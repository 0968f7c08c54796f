"""How much training added to pretrained features, in a sentence for each run that shows these as they are."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from .choice import main_metric, of_metric
from .collect import statistics_of
from .recommendation import points
from .titles import title_of

__all__ = ["training_added"]


def training_added(results: pd.DataFrame, frozen: Mapping[str, Sequence[str]], split: str) -> list[str]:
    """The best trained run against the features that it started from, by the report's main metric.

    Args:
        results: values on one split, as ``hardmine.figures.collect.results_of`` makes them.
        frozen: for each run of features as they are, the trained runs that start from the same weights.
        split: name of the split.

    Returns:
        A sentence for each run of features that was measured beside a trained one; differences in points of percent
        with the half width of the paired 95 % t-interval.
    """
    sentences = []
    for features, trained in frozen.items():
        own = results[results.run.isin([features, *trained])]
        if own.empty:
            continue
        statistics = statistics_of(own, features)
        metric = main_metric(statistics)
        rows = of_metric(statistics, *metric).dropna(subset=["mean"]).set_index("run")
        others = rows.drop(index=features, errors="ignore")
        if features not in rows.index or others.empty:
            continue
        best = others.loc[others["mean"].idxmax()]
        title, start, end = title_of(*metric), _percent(rows.loc[features, "mean"]), _percent(best["mean"])
        paired = math.isfinite(best["difference"])
        gap = best["difference"] if paired else best["mean"] - rows.loc[features, "mean"]
        if gap > 0:
            gain = points(gap, best["difference_half_width"] if paired else math.nan)
            sentences.append(
                f"Training added {gain} of {title} on {split} classes to the pretrained features: {features} {start}, "
                f"{best.name}, the highest, {end}."
            )
        else:
            sentences.append(
                f"Training added nothing to the pretrained features: {title} on {split} classes is {start} for "
                f"{features} and {end} for {best.name}, the highest of the trained runs."
            )
    return sentences


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
