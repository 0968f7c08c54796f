"""Figures of HDML: hardness and balance, the losses, and negatives around an anchor."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from hardmine.plotting import Report, figure, grid, line_of, save

__all__ = ["FIGURES", "draw_hardness", "draw_losses", "draw_negatives"]

REAL, SYNTHETIC, PULLED, POSITIVE = "#0072B2", "#D55E00", "#BBBBBB", "#009E73"


def draw_hardness(report: Report) -> None:
    """Hardness of HDML over training: lambda, the mean factor lambda0 on negatives, and the weight of real tuples."""
    panels = {"lambda": "lambda", "lambda0": "mean lambda0 of negatives", "weight": "weight w of real tuples"}
    runs = _runs(report)
    if not runs:
        return _nothing(report, "hdml-hardness", "no run with synthetic tuples in this plan")
    with grid(1, 3, legend=-(-len(runs) // 3), sharey=True) as (drawn, places):
        for panel, (column, label) in zip(places[0], panels.items(), strict=True):
            for run in runs:
                mean = _mean(report.histories, run, column)
                dash, colour = line_of(run, runs)
                panel.plot(mean.index, mean, dash, color=colour, label=run, marker="o", ms=2.5, lw=1.4)
            panel.set_ylim(-0.03, 1.05)
            panel.set_title(label, fontsize=8.5)
            _images_axis(panel)
        _legend(drawn, panel, columns=3)
        save(drawn, report.folder, "hdml-hardness")


def draw_losses(report: Report) -> None:
    """Losses of HDML on real and synthetic tuples, its classifier of features on both, and its generator's losses."""
    runs = _runs(report, "full")
    if not runs:
        return _nothing(report, "hdml-losses", "no full HDML run in this plan")
    with grid(len(runs), 3, legend=2, sharex=True) as (drawn, places):
        for row, run in zip(places, runs, strict=True):
            for panel, (title, lines) in zip(row, _LOSSES.items(), strict=True):
                for column, (label, colour, dash) in lines.items():
                    mean = _mean(report.histories, run, column)
                    panel.plot(mean.index, mean, dash, color=colour, label=label, marker="o", ms=2.5, lw=1.4)
                panel.set_title(title, fontsize=8.5)
            row[0].set_ylabel(run)
            row[0].set_ylim(bottom=0)
            row[1].set_ylim(bottom=0)
            row[2].set_yscale("log")
        for panel in places[-1]:
            _images_axis(panel)
        handles = {
            label: handle
            for panel in places[0]
            for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        drawn.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=7.5)
        save(drawn, report.folder, "hdml-losses")


def draw_negatives(report: Report) -> None:
    """Negatives seen from their anchor, real, pulled and as generated, early and late in training (two main axes)."""
    found = list(_points(report))
    if not found:
        return _nothing(report, "hdml-negatives", "no full HDML run in this plan was long enough to pull negatives")
    with grid(len(found), 2) as (drawn, places):
        for row, (run, moments) in zip(places, found, strict=True):
            for panel, moment in zip(row, ("early", "late"), strict=True):
                panel.set_title(f"{run}, {moment}", fontsize=8.5)
                if moment in moments:
                    _draw_points(panel, moments[moment])
                else:
                    _say(panel, "training ended before")
        _legend(drawn, next(panel for panel in places.flat if panel.get_legend_handles_labels()[0]), columns=5)
        save(drawn, report.folder, "hdml-negatives")


_LOSSES = {
    "metric loss": {
        "metric_loss": ("on real tuples", REAL, "-"),
        "synthetic_loss": ("on synthetic tuples", SYNTHETIC, "--"),
    },
    "classifier, nats": {
        "classifier_real": ("on real features", REAL, "-."),
        "classifier_synthetic": ("on synthetic features", SYNTHETIC, ":"),
    },
    "generator loss": {
        "reconstruction_loss": ("reconstruction", "#7B3294", "-"),
        "soft_loss": ("classification", "#B8860B", "--"),
    },
}


def _nothing(report: Report, name: str, why: str) -> None:
    """A figure that says why there is nothing to draw."""
    with figure() as (drawn, axes):
        _say(axes, why)
        save(drawn, report.folder, name)


def _runs(report: Report, variant: str | None = None) -> list[str]:
    """HDML runs with synthetic tuples, or those of one variant."""
    variants = {run: report.job.settings["runs"][run]["variant"] for run in report.runs_of("hdml")}
    return [run for run, own in variants.items() if (own == variant if variant else own != "base")]


def _mean(histories: pd.DataFrame, run: str, column: str) -> pd.Series:
    """Mean over seeds of a column, by images seen."""
    return histories[histories.run == run].groupby("images")[column].mean()


def _points(report: Report) -> Iterator[tuple[str, dict[str, dict[str, np.ndarray]]]]:
    """For the full runs that kept points: early and late, each by kind."""
    for run in _runs(report, "full"):
        moments: dict[str, dict[str, np.ndarray]] = {}
        for name, values in report.arrays(run).items():
            moment, _, kind = name.partition("-")
            moments.setdefault(moment, {})[kind] = np.asarray(values)
        if moments:
            yield run, moments


def _draw_points(panel: Axes, points: dict[str, np.ndarray]) -> None:
    """The anchor at the origin; real and generated negatives on the two main axes of both together."""
    both = np.concatenate([points["negatives"], points["synthetic"]])
    axes = np.linalg.svd(both - both.mean(axis=0), full_matrices=False)[2][:2].T
    real, pulled, made, positive = (points[kind] @ axes for kind in ("negatives", "pulled", "synthetic", "positives"))
    panel.plot(*np.stack([real, pulled], axis=1).transpose(2, 1, 0), color=PULLED, lw=0.5, zorder=1)
    panel.plot(*real.T, "o", ms=3.5, color=REAL, label="real negatives", ls="none")
    panel.plot(*pulled.T, ".", ms=3.5, color="#777777", label="pulled", ls="none")
    panel.plot(*made.T, "^", ms=3.5, color=SYNTHETIC, label="pulled and generated", ls="none", mfc="none", mew=0.9)
    panel.plot(*positive.T, "D", ms=4, color=POSITIVE, label="positive", ls="none")
    panel.plot(0, 0, "*", ms=11, color="#222222", label="anchor", ls="none")
    panel.set_xlabel("first main axis of the embedding", fontsize=8)
    panel.set_ylabel("second main axis", fontsize=8)


def _images_axis(panel: Axes) -> None:
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:g}k" if value else "0"))
    panel.set_xlim(left=0)
    panel.set_xlabel("training images seen")


def _legend(drawn: Figure, panel: Axes, columns: int) -> None:
    drawn.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=columns, fontsize=7.5)


def _say(panel: Axes, text: str) -> None:
    panel.text(0.5, 0.5, text, ha="center", va="center", transform=panel.transAxes)
    panel.set_axis_off()


FIGURES = {
    "hdml-hardness": draw_hardness,
    "hdml-losses": draw_losses,
    "hdml-negatives": draw_negatives,
}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
