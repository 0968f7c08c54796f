"""Points of a space around their anchor, real and as a method makes them: figures of methods that make samples."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from .curves import draw_nothing, legend_below, say
from .report import Report
from .style import grid, save

__all__ = ["MADE", "REAL", "a_few", "draw_made"]

REAL, MADE, MOVED, POSITIVE = "#0072B2", "#D55E00", "#BBBBBB", "#009E73"


def a_few(runs: Sequence[str], variants: Mapping[str, str]) -> list[str]:
    """Runs for a figure with a row each: up to two of the whole method, and the first of its other variants."""
    whole = [run for run in runs if variants[run] == "full"]
    return whole[:2] + [run for run in runs if run not in whole][:1]


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
        return draw_nothing(report, name, why)
    with grid(len(found), 2) as (drawn, places):
        for row, (run, moments) in zip(places, found, strict=True):
            for panel, moment in zip(row, ("early", "late"), strict=True):
                panel.set_title(f"{run}, {moment}", fontsize=8.5)
                if moment in moments:
                    _draw_points(panel, moments[moment], made)
                else:
                    say(panel, "training ended before")
                    panel.set_axis_off()
        legend_below(drawn, list(places.flat), columns=5)
        save(drawn, report.folder, name)


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
