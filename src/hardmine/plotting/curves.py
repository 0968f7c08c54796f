"""Columns of the histories over training, one line a run of a method: what most methods' figures show."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from .report import Report
from .style import colour_of, grid, save

__all__ = ["Curve", "draw_curves"]

_VARIANTS = (
    *(("#0072B2", "o"), ("#E69F00", "s"), ("#009E73", "^"), ("#D55E00", "v")),
    *(("#56B4E9", "D"), ("#888888", "x"), ("#CC79A7", "P"), ("#8C510A", "*")),
    *(("#332288", "<"), ("#999933", ">"), ("#117733", "p"), ("#882255", "h")),
)
"""Colours and marks of the variants beside the main run: their names share one colour elsewhere."""


@dataclass(frozen=True)
class Curve:
    """What a panel shows.

    Attributes:
        column: of the histories.
        label: of the vertical axis.
        share: whether the values are shares, shown as percentages.
        from_zero: whether the axis begins at 0.
    """

    column: str
    label: str
    share: bool = True
    from_zero: bool = True


def draw_curves(report: Report, method: str, name: str, *curves: Curve) -> None:
    """Draw columns of the histories over the images seen, mean over seeds, one line a run; a panel a column.

    Args:
        report: of the plan.
        method: whose runs.
        name: of the figure.
        curves: the panels, side by side.
    """
    runs = report.runs_of(method)
    columns = 2 if len(curves) == 1 else 3
    with grid(1, len(curves), legend=-(-len(runs) // columns)) as (drawn, (places,)):
        named: dict[str, Any] = {}
        for axes, curve in zip(places, curves, strict=True):
            _draw(axes, report, method, runs, curve)
            handles, labels = axes.get_legend_handles_labels()
            named |= dict(zip(labels, handles, strict=True))
        if named:
            look: dict[str, Any] = {"fontsize": 7, "handlelength": 2.2, "labelspacing": 0.25}
            place: Any = "outside lower center"
            drawn.legend(handles=list(named.values()), loc=place, ncols=columns, **look)
        save(drawn, report.folder, name)


def _draw(axes: Axes, report: Report, method: str, runs: list[str], curve: Curve) -> None:
    for run, part in _rows(report, runs, curve.column).groupby("run", sort=False):
        mean = part.groupby("images")[curve.column].mean()
        colour, mark = _look(str(run), method, runs)
        axes.plot(mean.index, mean, marker=mark, markersize=3, color=colour, label=run)
    if curve.share:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if curve.from_zero:
        axes.set_ylim(bottom=0)
    axes.set_xlabel("training images seen, at the end of the epoch")
    axes.set_ylabel(curve.label)


def _rows(report: Report, runs: list[str], column: str) -> pd.DataFrame:
    rows = report.histories[report.histories.run.isin(runs)]
    return rows.dropna(subset=[column]) if column in rows else rows.iloc[:0]


def _look(run: str, method: str, runs: list[str]) -> tuple[str, str]:
    """Colour and mark of a run: the method's own for the run that bears its name."""
    variants = [other for other in runs if other != method]
    return _VARIANTS[variants.index(run) % len(_VARIANTS)] if run in variants else (colour_of(method), "o")
