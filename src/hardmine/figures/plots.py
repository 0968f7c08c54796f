"""The figures every report has."""

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from hardmine.plotting.curves import over_seeds
from hardmine.plotting.style import COLUMN, TEXT, colour_of, figure, line_of, panels, save
from hardmine.settings.methods import METHODS

from .choice import main_metric, of_metric, rank_metric
from .titles import title_of

__all__ = ["plot_curves", "plot_loss", "plot_ranks", "plot_results"]


def plot_results(results: pd.DataFrame, statistics: pd.DataFrame, folder: Path) -> None:
    """The main metric of every run: bars for the mean, whiskers for the 95 % t-interval, dots for the seeds."""
    metric, k = main_metric(statistics)
    rows = of_metric(statistics, metric, k).sort_values("mean", na_position="first")
    values = of_metric(results, metric, k)
    with figure(height=0.55 + 0.165 * len(rows)) as (drawn, axes):
        places = np.arange(len(rows))
        means, whiskers = rows["mean"].fillna(0), rows.half_width.fillna(0)
        axes.barh(places, means, color=[colour_of(run) for run in rows.run], height=0.74)
        axes.errorbar(means, places, xerr=whiskers, fmt="none", ecolor="#222222", capsize=1.8, linewidth=0.8)
        for place, run in zip(places, rows.run, strict=True):
            own = values[values.run == run].value.dropna()
            axes.plot(own, np.full(len(own), place), "o", ms=2.2, mfc="white", mec="#222222", mew=0.5)
            if own.empty:
                axes.annotate("missing", (0, place), (3, 0), textcoords="offset points", va="center", fontsize=6.5)
        axes.set_yticks(places, rows.run)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, min(1.0, float((means + whiskers).max()) * 1.06 + 0.01))
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel(f"{title_of(metric, k)} on test classes")
        save(drawn, folder, "recall")


def plot_ranks(statistics: pd.DataFrame, folder: Path) -> None:
    """Recall (or CMC) over k: mean over seeds and its 95 % t-interval."""
    metric = rank_metric(statistics)
    rows = statistics[(statistics.metric == metric) & statistics["mean"].notna()]
    groups = _families(list(rows.run.unique()))
    with _grid(groups) as (drawn, all_axes):
        for axes, (title, runs) in zip(all_axes, groups.items(), strict=True):
            for run in runs:
                own = rows[rows.run == run].sort_values("k")
                _draw_line(axes, own.k.astype(int), own["mean"], own.half_width, run, runs)
            axes.set_xscale("log", base=2)
            axes.set_xticks(sorted(rows.k.unique()))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axes.set_xlabel("k")
            axes.set_ylabel(f"{title_of(metric, 1).removesuffix('1')}k on test classes" if metric else "")
            _name(axes, title, len(groups))
        _legend(drawn, groups)
        save(drawn, folder, "recall-at-k")


def plot_curves(histories: pd.DataFrame, folder: Path) -> None:
    """Validation recall at 1 over the images seen: mean over seeds and its 95 % t-interval."""
    _plot_history(histories, "val_recall@1", "recall at 1 on validation classes", folder, "curves", percent=True)


def plot_loss(histories: pd.DataFrame, folder: Path) -> None:
    """Training loss over the images seen, as a share of each run's first epoch, since losses have no common scale."""
    _plot_history(_relative_loss(histories), "loss", "training loss / first epoch's", folder, "loss", percent=False)


def _relative_loss(histories: pd.DataFrame) -> pd.DataFrame:
    """The histories with each training's loss divided by that of its first epoch."""
    if "loss" not in histories:
        return histories
    first = histories.sort_values("epoch").groupby(["run", "seed"]).loss.transform("first")
    return histories.assign(loss=histories.loss / first)


def _plot_history(histories: pd.DataFrame, column: str, label: str, folder: Path, name: str, percent: bool) -> None:
    lines = {run: table for run, table in over_seeds(histories, column).groupby("run", sort=False)}
    groups = _families(list(lines))
    with _grid(groups) as (drawn, all_axes):
        for axes, (title, runs) in zip(all_axes, groups.items(), strict=True):
            for run in runs:
                line = lines[run]
                _draw_line(axes, line.images, line["mean"], line.half_width, run, runs)
            if percent:
                axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            axes.set_xlabel("training images seen")
            axes.set_ylabel(label)
            _name(axes, title, len(groups))
        _legend(drawn, groups)
        save(drawn, folder, name)


def _draw_line(axes: Axes, x: pd.Series, mean: pd.Series, half: pd.Series, run: str, runs: list[str]) -> None:
    """One run's line with its interval."""
    dash, colour = line_of(run, runs)
    axes.plot(x, mean, dash, color=colour, label=run, linewidth=1.2)
    if half.notna().any():
        axes.fill_between(x, mean - half, mean + half, color=colour, alpha=0.12, lw=0)


def _families(runs: list[str]) -> dict[str, list[str]]:
    """Runs in one panel while they are few; else a panel a method with variants, and one for all others."""
    if len(runs) <= 14:
        return {"": runs}
    groups: dict[str, list[str]] = {"others": []}
    drawn = [name for name, descriptor in METHODS.table.items() if descriptor.figures]
    for run in runs:
        own = [name for name in drawn if run == name or run.startswith(f"{name}-")]
        groups.setdefault(own[0] if own else "others", []).append(run)
    return groups


def _grid(groups: dict[str, list[str]]) -> AbstractContextManager[tuple[Figure, list[Axes]]]:
    """Axes for every family: a column wide for one, else the whole text."""
    if len(groups) == 1:
        return panels(1, COLUMN, 2.2 + 0.13 * -(-len(*groups.values()) // 2))
    lines = max(-(-len(runs) // 2) for runs in groups.values())
    return panels(len(groups), TEXT, (2.4 + 0.13 * lines) * -(-len(groups) // 2))


def _name(axes: Axes, title: str, panels_drawn: int) -> None:
    if panels_drawn > 1:
        axes.set_title(title, fontsize=8, loc="left")
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.18),
            ncols=2,
            fontsize=6.5,
            handlelength=2.2,
            labelspacing=0.25,
            columnspacing=1,
        )


def _legend(drawn: Figure, groups: dict[str, list[str]]) -> None:
    if len(groups) == 1 and drawn.axes[0].lines:
        drawn.legend(loc="outside lower center", ncols=2, fontsize=7, handlelength=2.2, labelspacing=0.25)
