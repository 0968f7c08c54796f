"""BIER's figures: the weights that boosting gives to pairs, and how much the groups differ."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from hardmine.plotting import Report, grid, save
from hardmine.plotting.curves import draw_nothing
from hardmine.plotting.learners import NO_LEARNERS, draw_correlations, run_with_learners

__all__ = ["FIGURES", "draw_weights"]

COLOURS = {"positive": "#009E73", "negative": "#D55E00"}
MOST = 4
"""Groups that are shown, the last ones."""


def draw_weights(report: Report) -> None:
    """BIER: weights of pairs in the last training batch, by group (first seed); dark: violated by the group before."""
    run = run_with_learners(report, "bier")
    if run is None:
        draw_nothing(report, "bier-weights", NO_LEARNERS)
        return
    arrays: dict[str, Any] = report.arrays(run)
    weights, scores, labels = arrays["weights"], arrays["scores"], arrays["labels"]
    first, second = np.triu_indices(len(labels), 1)
    same = labels[first] == labels[second]
    groups = range(1, len(weights))[-MOST:]
    with grid(2, len(groups), legend=0, sharey="row") as (drawn, places):
        for row, (kind, members) in zip(places, (("positive", same), ("negative", ~same)), strict=True):
            for group, place in zip(groups, row, strict=True):
                _draw_kind(place, weights[group, members], scores[group - 1, members] < 0, COLOURS[kind])
                place.set_title(
                    f"group {group + 1}: {_share(weights[group], scores[group - 1], members):.0%}\nof the "
                    f"{kind}s' weight on violated ones",
                    fontsize=7.5,
                )
                place.set_xlabel("weight w")
            row[0].set_ylabel(f"{kind} pairs")
        save(drawn, report.folder, "bier-weights")


def draw_correlation(report: Report) -> None:
    """BIER: correlation of the groups' pair similarities, at the end of training (first seed) and over training."""
    draw_correlations(report, "bier", "bier-correlation")


def _draw_kind(place: Axes, weights: np.ndarray, violated: np.ndarray, colour: str) -> None:
    edges = np.linspace(0, max(float(weights.max(initial=0)) / 0.9999, 1e-6), 31).tolist()
    place.hist(weights, edges, color=colour, alpha=0.3)
    place.hist(weights[violated], edges, color=colour)
    place.set_yscale("symlog", linthresh=10)
    place.set_ylim(bottom=0)
    place.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _share(weights: np.ndarray, before: np.ndarray, members: np.ndarray) -> float:
    """Share of the members' weight that lies on pairs with a score below 0 in the group before."""
    return float(weights[members & (before < 0)].sum() / max(float(weights[members].sum()), 1e-12))


FIGURES = {"bier-weights": draw_weights, "bier-correlation": draw_correlation}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
