"""Columns of the histories over the images seen, one line a run: what most figures of a method's own show."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from hardmine.retrieval.statistics import half_width_of

from .report import Report
from .style import colour_of, figure, grid, save

__all__ = [
    "Curve",
    "draw_curves",
    "draw_line",
    "draw_lines",
    "draw_nothing",
    "images_axis",
    "legend_below",
    "mean_over_seeds",
    "over_seeds",
    "say",
]

_VARIANTS = (
    *(("#0072B2", "o"), ("#E69F00", "s"), ("#009E73", "^"), ("#D55E00", "v")),
    *(("#56B4E9", "D"), ("#888888", "x"), ("#CC79A7", "P"), ("#8C510A", "*")),
    *(("#332288", "<"), ("#999933", ">"), ("#117733", "p"), ("#882255", "h")),
)
"""Colours and marks of a method's variants, whose names share one colour elsewhere."""


@dataclass(frozen=True)
class Curve:
    """What a panel shows.

    Attributes:
        column: of the histories.
        label: above the panel.
        share: whether the values are shares, shown as percentages.
        from_zero: whether the axis begins at 0.
        mark: a value at which a thin line is drawn.
    """

    column: str
    label: str
    share: bool = True
    from_zero: bool = True
    mark: float | None = None


def draw_curves(report: Report, name: str, runs: Sequence[str], *curves: Curve, share_y: bool = False) -> None:
    """Draw columns of the histories, mean over seeds, one line a run; a panel a column, which says so if it is empty.

    Args:
        report: gives the histories and takes the figure.
        name: of the figure.
        runs: whose lines are drawn, in this order.
        curves: the panels, side by side, at most three.
        share_y: one scale for all panels.
    """
    columns = 2 if len(curves) == 1 else 3
    with grid(1, len(curves), legend=-(-len(runs) // columns), sharey=share_y) as (drawn, (places,)):
        for panel, curve in zip(places, curves, strict=True):
            draw_lines(panel, report, curve.column, runs)
            _dress(panel, curve)
        legend_below(drawn, places, columns, runs)
        save(drawn, report.folder, name)


def draw_lines(panel: Axes, report: Report, column: str, runs: Sequence[str]) -> None:
    """The line of every run that has values of a column, mean over seeds."""
    for run in runs:
        mean = mean_over_seeds(report.histories, run, column)
        if len(mean):
            draw_line(panel, mean.index, mean, run, runs)


def draw_line(
    panel: Axes, x: Sequence[float] | pd.Index, y: Sequence[float] | pd.Series, run: str, runs: Sequence[str]
) -> None:
    """The line of a run among the runs of a figure, in the look that it has there."""
    colour, mark = _look(run, runs)
    panel.plot(x, y, color=colour, label=run, marker=mark, markersize=3, linewidth=1.3)


def draw_nothing(report: Report, name: str, why: str) -> None:
    """A figure that says why there is nothing to draw."""
    with figure() as (drawn, axes):
        say(axes, why)
        axes.set_axis_off()
        save(drawn, report.folder, name)


def over_seeds(histories: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column over the seeds of each run, epoch by epoch: ``run, epoch, images, mean, half_width``.

    Runs in the order in which they come, epochs ascending. Where seeds have classes of their own, their epochs end
    after other numbers of images: ``images`` is the mean of these, rounded. ``half_width``: of the 95 % t-interval.
    """
    known = histories.dropna(subset=[column]) if column in histories else histories.iloc[:0].assign(**{column: 0.0})
    runs = list(dict.fromkeys(known.run))
    groups = known.assign(run=pd.Categorical(known.run, runs)).groupby(["run", "epoch"], observed=True)
    wanted = {"images": ("images", "mean"), "mean": (column, "mean"), "half_width": (column, half_width_of)}
    table = groups.agg(**wanted).reset_index()
    return table.assign(run=table.run.astype(str), images=table.images.round().astype(int))


def mean_over_seeds(histories: pd.DataFrame, run: str, column: str) -> pd.Series:
    """Mean over seeds of a column, by images seen; empty where the run has no value."""
    return over_seeds(histories[histories.run == run], column).set_index("images")["mean"]


def images_axis(panel: Axes) -> None:
    """The axis of training images, in thousands."""
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:g}k" if value else "0"))
    panel.set_xlim(left=0)
    panel.set_xlabel("training images seen")


def legend_below(drawn: Figure, panels: Sequence[Axes], columns: int, order: Sequence[str] = ()) -> None:
    """One legend for what the panels name, below them all, in the given order where there is one."""
    named: dict[str, Artist] = {}
    for panel in panels:
        handles, labels = panel.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    shown = [label for label in order or named if label in named]
    if shown:
        drawn.legend(
            [named[label] for label in shown],
            shown,
            loc="outside lower center",
            ncols=columns,
            fontsize=7,
            handlelength=2.2,
            labelspacing=0.25,
        )


def say(panel: Axes, text: str) -> None:
    """Words where there is nothing to draw."""
    panel.text(0.5, 0.5, text, ha="center", va="center", transform=panel.transAxes)


def _dress(panel: Axes, curve: Curve) -> None:
    """Axes and title of a panel."""
    panel.set_title(curve.label, fontsize=8)
    images_axis(panel)
    if not panel.lines:
        say(panel, "not measured in this plan")
        return
    if curve.share:
        panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if curve.from_zero:
        panel.set_ylim(bottom=0)
    if curve.mark is not None:
        panel.axhline(curve.mark, color="#222222", linewidth=0.7, linestyle=":")


def _look(run: str, runs: Sequence[str]) -> tuple[str, str]:
    """Colour and mark of a run: the first of a colour bears it, those that would share it take others."""
    first: dict[str, str] = {}
    for other in runs:
        first.setdefault(colour_of(other), other)
    if first[colour_of(run)] == run:
        return colour_of(run), "o"
    free = [look for look in _VARIANTS if look[0] not in first]
    return free[[other for other in runs if other not in first.values()].index(run) % len(free)]
