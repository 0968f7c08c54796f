"""Panels of a method's own: columns of the histories over training, and made points around their anchor."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from .report import Report
from .style import figure, grid, line_of, save

__all__ = ["a_few", "draw_made", "draw_runs", "images_axis", "mean_over_seeds", "nothing", "shared_legend"]

REAL, MADE, MOVED, POSITIVE = "#0072B2", "#D55E00", "#BBBBBB", "#009E73"


def a_few(runs: Sequence[str], variants: Mapping[str, str]) -> list[str]:
    """Runs for a figure with a row each: up to two of the whole method, and the first of its other variants."""
    whole = [run for run in runs if variants[run] == "full"]
    return whole[:2] + [run for run in runs if run not in whole][:1]


def nothing(report: Report, name: str, why: str) -> None:
    """A figure that says why there is nothing to draw."""
    with figure() as (drawn, axes):
        _say(axes, why)
        save(drawn, report.folder, name)


def mean_over_seeds(histories: pd.DataFrame, run: str, column: str) -> pd.Series:
    """Mean over seeds of a column, by images seen."""
    return histories[histories.run == run].groupby("images")[column].mean()


def draw_runs(report: Report, name: str, runs: Sequence[str], panels: Mapping[str, str]) -> None:
    """A panel for each column of the histories, in one row, with a line for each run that reports it.

    Args:
        report: what may be read.
        name: of the figure.
        runs: to draw.
        panels: column → title.
    """
    with grid(1, len(panels), legend=-(-len(runs) // 3)) as (drawn, places):
        handles: dict[str, Artist] = {}
        for panel, (column, title) in zip(places[0], panels.items(), strict=True):
            for run in runs if column in report.histories else ():
                mean = mean_over_seeds(report.histories, run, column).dropna()
                if len(mean):
                    dash, colour = line_of(run, runs)
                    panel.plot(mean.index, mean, dash, color=colour, label=run, marker="o", ms=2.5, lw=1.4)
            panel.set_title(title, fontsize=8.5)
            images_axis(panel)
            handles |= {label: handle for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
        order = [run for run in runs if run in handles]
        drawn.legend([handles[run] for run in order], order, loc="outside lower center", ncols=3, fontsize=7.5)
        save(drawn, report.folder, name)


def draw_made(report: Report, name: str, runs: Sequence[str], made: str, why: str) -> None:
    """Negatives seen from their anchor, real and made, early and late in training, on two main axes.

    Each run's ``diagnostics.safetensors`` holds float [m, D] offsets from the anchor, named ``early-`` or ``late-`` and
    ``negatives``, ``synthetic``, ``positives``, and where they are a step between, ``pulled``.

    Args:
        report: what may be read.
        name: of the figure.
        runs: to draw, a row each, where they kept points.
        made: what the legend says of the made points.
        why: what the figure says where no run kept points.
    """
    found = [(run, moments) for run in runs if (moments := _moments(report, run))]
    if not found:
        return nothing(report, name, why)
    with grid(len(found), 2) as (drawn, places):
        for row, (run, moments) in zip(places, found, strict=True):
            for panel, moment in zip(row, ("early", "late"), strict=True):
                panel.set_title(f"{run}, {moment}", fontsize=8.5)
                if moment in moments:
                    _draw_points(panel, moments[moment], made)
                else:
                    _say(panel, "training ended before")
        shared_legend(drawn, next(panel for panel in places.flat if panel.get_legend_handles_labels()[0]), columns=5)
        save(drawn, report.folder, name)


def images_axis(panel: Axes) -> None:
    """The axis of training images, in thousands."""
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:g}k" if value else "0"))
    panel.set_xlim(left=0)
    panel.set_xlabel("training images seen")


def shared_legend(drawn: Figure, panel: Axes, columns: int) -> None:
    """The legend of one panel below all of them."""
    drawn.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=columns, fontsize=7.5)


def _moments(report: Report, run: str) -> dict[str, dict[str, np.ndarray]]:
    """What a run kept, early and late, each by kind."""
    moments: dict[str, dict[str, np.ndarray]] = {}
    for name, values in report.arrays(run).items():
        moment, _, kind = name.partition("-")
        moments.setdefault(moment, {})[kind] = np.asarray(values)
    return moments


def _draw_points(panel: Axes, points: dict[str, np.ndarray], label: str) -> None:
    """The anchor at the origin; real and made negatives on the two main axes of both together."""
    both = np.concatenate([points["negatives"], points["synthetic"]])
    axes = np.linalg.svd(both - both.mean(axis=0), full_matrices=False)[2][:2].T
    real, made, positive = (points[kind] @ axes for kind in ("negatives", "synthetic", "positives"))
    moved = points["pulled"] @ axes if "pulled" in points else made
    panel.plot(*np.stack([real, moved], axis=1).transpose(2, 1, 0), color=MOVED, lw=0.5, zorder=1)
    panel.plot(*real.T, "o", ms=3.5, color=REAL, label="real negatives", ls="none")
    if "pulled" in points:
        panel.plot(*moved.T, ".", ms=3.5, color="#777777", label="pulled", ls="none")
    panel.plot(*made.T, "^", ms=3.5, color=MADE, label=label, ls="none", mfc="none", mew=0.9)
    panel.plot(*positive.T, "D", ms=4, color=POSITIVE, label="positive", ls="none")
    panel.plot(0, 0, "*", ms=11, color="#222222", label="anchor", ls="none")
    panel.set_xlabel("first main axis of the embedding", fontsize=8)
    panel.set_ylabel("second main axis", fontsize=8)


def _say(panel: Axes, text: str) -> None:
    panel.text(0.5, 0.5, text, ha="center", va="center", transform=panel.transAxes)
    panel.set_axis_off()
