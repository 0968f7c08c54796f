"""Figures of Smart Mining: its controller, the distances of its mined triplets, how soon its runs converge."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator, PercentFormatter

from hardmine.plotting import Report, colour_of, grid, save

from .controller import error_ceiling

__all__ = ["FIGURES", "controller", "convergence", "distances"]

_VARIANTS = (("#0072B2", "--", "s"), ("#E69F00", "-.", "^"), ("#009E73", ":", "v"), ("#444444", "--", "D"))
"""Colours, dashes and marks of the runs beside the main one, whose names share one colour elsewhere."""
_NEAR = 0.005
"""An epoch counts as converged within this much of a run's best recall."""


def controller(report: Report) -> None:
    """Scale of the exclusion sphere and share of violating triplets, with target and ceiling, mean over seeds.

    The ceiling holds for the first run with a controller: all mined triplets violating, others as random ones do.
    """
    runs = [run for run in report.runs_of("smart-mining") if _settings(report, run)["mined_share"]]
    looks = _looks(report)
    with grid(2, 1, legend=-(-len(runs) // 2), sharex=True) as (drawn, places):
        above, below = places[:, 0]
        for run in runs:
            rows = _mean(report, run).reindex(columns=["kappa", "error_all", "error_random"])
            mined = rows.dropna(subset=["kappa"])
            above.plot(mined.index, mined.kappa, label=run, **looks[run])
            below.plot(rows.index, rows.error_all, **looks[run])
        steered = [run for run in runs if _settings(report, run)["kappa_mode"] == "adaptive"]
        if steered:
            own, rows = _settings(report, steered[0]), _mean(report, steered[0])
            rows = rows.reindex(columns=["kappa", "error_random"]).dropna()
            below.axhline(own["target_error"], color="#222222", linewidth=1, linestyle="--")
            below.annotate("target", (0, own["target_error"]), (2, 3), **_AT_LEFT)
            ceiling = [error_ceiling(own["mined_share"], error) for error in rows.error_random]
            below.plot(rows.index, ceiling, color="#222222", linewidth=1, linestyle=":")
            if ceiling:
                below.annotate("ceiling", (0, ceiling[0]), (2, 0), **_AT_LEFT)
        above.set_ylabel("scale κ of the sphere")
        above.set_ylim(bottom=0)
        below.set_ylabel("violating triplets")
        below.set_ylim(0, 1)
        below.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        below.set_xlabel("epoch")
        if runs:
            drawn.legend(
                loc="outside lower center", ncols=2, fontsize=6.5, handlelength=2.2, columnspacing=1, labelspacing=0.25
            )
        save(drawn, report.folder, "smart-mining-controller")


def distances(report: Report) -> None:
    """Distances in mined triplets when they were mined and an epoch later: first run and seed."""
    runs = [run for run in report.runs_of("smart-mining") if "distances_first" in report.arrays(run)]
    with grid(2, 2, sharex=True, sharey=True) as (drawn, panels):
        arrays = report.arrays(runs[0]) if runs else {}
        edges = np.linspace(0, 2, 41)
        for line, (moment, title) in enumerate((("first", "first mined epoch"), ("last", "last full mined epoch"))):
            counts = np.asarray(arrays.get(f"distances_{moment}", np.zeros((2, 2, 40))), dtype=np.float64)
            shares = counts / np.maximum(counts.sum(axis=2, keepdims=True), 1)
            for column, when in enumerate(("when mined", "after the epoch")):
                panel = panels[line, column]
                panel.stairs(shares[column, 0], edges, color="#0072B2", fill=True, alpha=0.35)
                panel.stairs(shares[column, 0], edges, color="#0072B2", label="anchor to positive")
                panel.stairs(shares[column, 1], edges, color="#D55E00", label="anchor to negative", linewidth=1.4)
                panel.set_title(f"{title}, {when}", fontsize=8)
                panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            panels[line, 0].set_ylabel("share of triplets")
        for panel in panels[1]:
            panel.set_xlabel("distance of unit vectors")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
        save(drawn, report.folder, "smart-mining-distances")


def convergence(report: Report) -> None:
    """Validation recall at 1, mean over seeds; marked where it first comes within half a point of its best."""
    looks = _looks(report)
    with grid(1, 1, legend=len(looks)) as (drawn, ((axes,),)):
        for run in report.runs_of("smart-mining"):
            recall = _mean(report, run).reindex(columns=["val_recall@1"])["val_recall@1"].dropna()
            if not len(recall):
                continue
            soon = recall.index[recall >= recall.max() - _NEAR][0]
            look = looks[run] | {"markersize": 6, "markevery": [recall.index.get_loc(soon)]}
            axes.plot(recall.index, recall, label=f"{run}: epoch {soon}", **look)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel("recall at 1 on validation classes")
        if axes.lines:
            drawn.legend(loc="outside lower center", fontsize=7, handlelength=2.2, labelspacing=0.3)
        save(drawn, report.folder, "smart-mining-convergence")


_AT_LEFT = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "fontsize": 7.5}


def _looks(report: Report) -> dict[str, dict[str, Any]]:
    """How each run's line looks: the method's colour for the main run, one of ``_VARIANTS`` for each of the others."""
    main = {"color": colour_of("smart-mining"), "linestyle": "-", "marker": "o"}
    others = [run for run in report.runs_of("smart-mining") if run != "smart-mining"]
    looks = {"smart-mining": main}
    for place, run in enumerate(others):
        colour, dash, mark = _VARIANTS[place % len(_VARIANTS)]
        looks[run] = {"color": colour, "linestyle": dash, "marker": mark}
    return {run: {**look, "linewidth": 1.2, "markersize": 3} for run, look in looks.items()}


def _settings(report: Report, run: str) -> dict[str, Any]:
    own: dict[str, Any] = report.job.settings["runs"][run]
    return own


def _mean(report: Report, run: str) -> pd.DataFrame:
    """A run's history by epoch, mean over seeds."""
    rows = report.histories[report.histories.run == run]
    return rows.drop(columns=["run", "seed"]).groupby("epoch").mean()


FIGURES = {
    "smart-mining-controller": controller,
    "smart-mining-distances": distances,
    "smart-mining-convergence": convergence,
}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
