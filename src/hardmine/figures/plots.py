"""The figures every report has."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from .style import colour_of, figure, line_of, panels, save

__all__ = ["plot_curves", "plot_loss", "plot_recall"]


def plot_recall(results: pd.DataFrame, statistics: pd.DataFrame, folder: Path) -> None:
    """Recall at 1 of every run: bars for the mean, whiskers for the 95 % t-interval, dots for the seeds."""
    rows = statistics[(statistics.metric == "recall") & (statistics.k == statistics.k.min())].sort_values("mean")
    k = int(rows.k.iloc[0])
    with figure(height=0.9 + 0.27 * len(rows)) as (drawn, axes):
        places = np.arange(len(rows))
        colours = [colour_of(run) for run in rows.run]
        axes.barh(places, rows["mean"], color=colours, height=0.72)
        whiskers = rows.half_width.fillna(0)
        axes.errorbar(rows["mean"], places, xerr=whiskers, fmt="none", ecolor="#222222", capsize=2.5, linewidth=1)
        for place, run in zip(places, rows.run, strict=True):
            values = results[(results.run == run) & (results.metric == "recall") & (results.k == k)].value
            axes.plot(values, np.full(len(values), place), "o", ms=3, mfc="white", mec="#222222", mew=0.7)
        axes.set_yticks(places, rows.run)
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, min(1.0, float((rows["mean"] + whiskers).max()) * 1.06 + 0.01))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel(f"recall at {k} on test classes (mean, 95 % t-interval, seeds)")
        save(drawn, folder, "recall")


def plot_curves(histories: pd.DataFrame, folder: Path) -> None:
    """Validation recall at 1 over the images seen: mean over seeds and its 95 % t-interval."""
    _plot_history(histories, "val_recall@1", "recall at 1 on validation classes", folder, "curves", percent=True)


def plot_loss(histories: pd.DataFrame, folder: Path) -> None:
    """Training loss over the images seen, as a share of each run's first epoch, since losses have no common scale."""
    scaled = histories.copy()
    if "loss" in scaled:
        first = scaled.sort_values("epoch").groupby(["run", "seed"]).loss.transform("first")
        scaled["loss"] = scaled.loss / first
    _plot_history(scaled, "loss", "training loss / that of the first epoch", folder, "loss", percent=False)


def _plot_history(histories: pd.DataFrame, column: str, label: str, folder: Path, name: str, percent: bool) -> None:
    present = histories.dropna(subset=[column]) if column in histories else histories.iloc[:0]
    groups = _families(list(present.run.unique()))
    rows = -(-len(groups) // 2)
    with panels(len(groups), 5.2 if len(groups) == 1 else 9.5, 3.9 * rows) as (drawn, all_axes):
        for axes, (title, runs) in zip(all_axes, groups.items(), strict=True):
            for run in runs:
                _plot_run(axes, present[present.run == run], column, run, runs)
            if percent:
                axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            axes.set_xlabel("training images seen")
            axes.set_ylabel(label)
            if len(groups) > 1:
                axes.set_title(title, fontsize=9, loc="left")
                axes.legend(fontsize=6.5, handlelength=2.4)
        if len(groups) == 1 and len(present):
            drawn.legend(loc="outside lower center", ncols=3, fontsize=7.5, handlelength=1.8)
        save(drawn, folder, name)


def _plot_run(axes: Axes, part: pd.DataFrame, column: str, run: str, runs: list[str]) -> None:
    """One run's line: mean over seeds, with its 95 % t-interval."""
    groups = part.groupby("images")[column]
    mean = groups.mean()
    dash, colour = line_of(run, runs)
    axes.plot(mean.index, mean, dash, color=colour, label=run, linewidth=1.5)
    if part.seed.nunique() > 1:
        width = groups.std() * _t_factor(part.seed.nunique())
        axes.fill_between(mean.index, mean - width, mean + width, color=colour, alpha=0.12, lw=0)


def _families(runs: list[str]) -> dict[str, list[str]]:
    """Runs in one panel while they are few; else a panel a method with variants, and one for all others."""
    if len(runs) <= 14:
        return {"": runs}
    groups: dict[str, list[str]] = {"others": []}
    for run in runs:
        own = [name for name in ("hdc", "smart-mining", "schem", "hdml") if run == name or run.startswith(f"{name}-")]
        groups.setdefault(own[0] if own else "others", []).append(run)
    return groups


def _t_factor(seeds: int) -> float:
    """Half width of the 95 % t-interval in units of the standard deviation."""
    from scipy.stats import t

    return float(t.ppf(0.975, seeds - 1) / np.sqrt(seeds))
