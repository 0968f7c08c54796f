"""Figures of methods with several learners: how much the learners differ, and what joining them brings."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from .report import Report
from .style import grid, line_of, save

__all__ = ["draw_correlations", "draw_growth", "draw_nothing", "run_with_learners"]


def run_with_learners(report: Report, method: str) -> str | None:
    """The run that a figure of a method shows: the one named like it, or else its first with several learners."""
    runs = sorted(report.runs_of(method), key=lambda run: run != method)
    return next((run for run in runs if "correlations" in report.arrays(run)), None)


def draw_nothing(report: Report, name: str) -> None:
    """What stands where no run of a plan has several learners."""
    with grid(1, 1, legend=0) as (drawn, ((axes,),)):
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no run has several learners", ha="center", va="center")
        save(drawn, report.folder, name)


def draw_correlations(report: Report, method: str, name: str) -> None:
    """Correlation of the learners' pair similarities: of a run at the end of training, of all runs over training."""
    run = run_with_learners(report, method)
    if run is None:
        draw_nothing(report, name)
        return
    found = np.asarray(report.arrays(run)["correlations"])
    runs = [other for other in report.runs_of(method) if _curve(report, other, "correlation") is not None]
    with grid(1, 2, legend=-(-len(runs) // 3)) as (drawn, ((matrix, curves),)):
        matrix.imshow(found, cmap="cividis", vmin=0, vmax=1)
        matrix.grid(visible=False)
        numbers = np.arange(1, len(found) + 1)
        shown = slice(None, None, -(-len(found) // 12))
        for axis in (matrix.xaxis, matrix.yaxis):
            axis.set_ticks((numbers - 1)[shown], numbers[shown])
        if len(found) <= 8:
            for (row, column), value in np.ndenumerate(found):
                colour = "black" if value > 0.6 else "white"
                matrix.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=6.5)
        matrix.set(title=run, xlabel="learner", ylabel="learner")
        _lines(curves, report, runs, "correlation")
        curves.set_ylabel("mean correlation of pair similarities")
        _legend(drawn, runs)
        save(drawn, report.folder, name)


def draw_growth(report: Report, method: str, name: str) -> None:
    """Recall at 1 on validation classes by the number of learners joined, at the end of training, mean over seeds."""
    runs = [run for run in report.runs_of(method) if len(_growth(report, run)) > 1]
    if not runs:
        draw_nothing(report, name)
        return
    with grid(1, 1, legend=-(-len(runs) // 2)) as (drawn, ((axes,),)):
        for run in runs:
            counts, recall = zip(*_growth(report, run), strict=True)
            dash, colour = line_of(run, runs)
            axes.plot(counts, recall, dash, color=colour, marker="o", markersize=3, label=run)
        axes.set(xlabel="learners joined", ylabel="recall at 1, validation classes")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        _legend(drawn, runs, columns=2)
        save(drawn, report.folder, name)


def _growth(report: Report, run: str) -> list[tuple[int, float]]:
    """Learners joined and mean recall of the last epoch: the first alone, ``first2``, ``first4``, …, all of them."""
    if (alone := _curve(report, run, "val_learner1_recall@1")) is None:
        return []
    found = [(1, float(alone.iloc[-1]))]
    for power in range(1, 10):
        if (curve := _curve(report, run, f"val_first{2**power}_recall@1")) is not None:
            found.append((2**power, float(curve.iloc[-1])))
    joined = _curve(report, run, "val_recall@1")
    learners = report.job.settings["runs"][run].get("learners")
    if joined is not None and learners:
        found.append((learners, float(joined.iloc[-1])))
    return found


def _curve(report: Report, run: str, column: str) -> pd.Series | None:
    rows = report.histories[report.histories.run == run]
    if column not in rows or rows[column].isna().all():
        return None
    return rows.dropna(subset=[column]).groupby("images")[column].mean()


def _lines(axes: Axes, report: Report, runs: list[str], column: str) -> None:
    for run in runs:
        curve = _curve(report, run, column)
        assert curve is not None
        dash, colour = line_of(run, runs)
        axes.plot(curve.index, curve, dash, color=colour, linewidth=1.5, label=run)
    axes.set_xlabel("training images seen")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:g}k"))


def _legend(drawn: Figure, runs: list[str], columns: int = 3) -> None:
    if runs:
        drawn.legend(loc="outside lower center", ncols=columns, fontsize=7, handlelength=2.2, labelspacing=0.25)
