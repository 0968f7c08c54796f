"""Figures of methods with several learners: how much the learners differ, and what joining them brings."""

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .curves import draw_line, draw_lines, draw_nothing, images_axis, legend_below, mean_over_seeds
from .report import Report
from .style import grid, save

__all__ = ["NO_LEARNERS", "draw_correlations", "draw_growth", "run_with_learners"]

NO_LEARNERS = "no run has several learners"
"""What stands where no run of a plan has several learners."""


def run_with_learners(report: Report, method: str) -> str | None:
    """The run that a figure of a method shows: the one named like it, or else its first with several learners."""
    runs = sorted(report.runs_of(method), key=lambda run: run != method)
    return next((run for run in runs if "correlations" in report.arrays(run)), None)


def draw_correlations(report: Report, method: str, name: str) -> None:
    """Correlation of the learners' pair similarities: of a run at the end of training, of all runs over training."""
    run = run_with_learners(report, method)
    if run is None:
        draw_nothing(report, name, NO_LEARNERS)
        return
    found = np.asarray(report.arrays(run)["correlations"])
    runs = [other for other in report.runs_of(method) if len(mean_over_seeds(report.histories, other, "correlation"))]
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
        draw_lines(curves, report, "correlation", runs)
        images_axis(curves)
        curves.set_ylabel("mean correlation of pair similarities")
        legend_below(drawn, [curves], columns=3)
        save(drawn, report.folder, name)


def draw_growth(report: Report, method: str, name: str) -> None:
    """Recall at 1 on validation classes by the number of learners joined, at the end of training, mean over seeds."""
    runs = [run for run in report.runs_of(method) if len(_growth(report, run)) > 1]
    if not runs:
        draw_nothing(report, name, NO_LEARNERS)
        return
    with grid(1, 1, legend=-(-len(runs) // 2)) as (drawn, ((axes,),)):
        for run in runs:
            counts, recall = zip(*_growth(report, run), strict=True)
            draw_line(axes, counts, recall, run, runs)
        axes.set(xlabel="learners joined", ylabel="recall at 1, validation classes")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        legend_below(drawn, [axes], columns=2)
        save(drawn, report.folder, name)


def _growth(report: Report, run: str) -> list[tuple[int, float]]:
    """Learners joined and recall of each seed's last epoch, the mean: the first alone, ``first2``, …, all of them."""
    columns = {1: "val_learner1_recall@1"} | {2**power: f"val_first{2**power}_recall@1" for power in range(1, 10)}
    if learners := report.job.settings["runs"][run].get("learners"):
        columns[learners] = "val_recall@1"
    own = report.histories[report.histories.run == run].sort_values("epoch")
    known = {count: column for count, column in sorted(columns.items()) if column in own and own[column].notna().any()}
    if 1 not in known:
        return []
    return [(count, float(own.groupby("seed")[column].last().mean())) for count, column in known.items()]
