"""Columns of the histories over the images seen: what most figures of a method's own show."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .report import Report
from .style import grid, line_of, save

__all__ = ["draw_curves"]


def draw_curves(
    report: Report,
    name: str,
    runs: Sequence[str],
    panels: Mapping[str, str],
    share_y: bool = False,
    marks: Mapping[str, float] | None = None,
) -> None:
    """One panel a column, one line a run, mean over seeds; panels without a value say so.

    Args:
        report: gives the histories and takes the figure.
        name: of the figure.
        runs: whose lines are drawn, in this order.
        panels: columns of the histories with what they are called, at most three.
        share_y: one scale for all panels.
        marks: columns with a value at which a thin line is drawn.
    """
    with grid(1, len(panels), legend=-(-len(runs) // (3 if len(panels) > 1 else 2)), sharey=share_y) as (drawn, places):
        shown: dict[str, Line2D] = {}
        for panel, (column, label) in zip(places[0], panels.items(), strict=True):
            for run in runs:
                if line := _line(panel, report, run, runs, column):
                    shown.setdefault(run, line)
            if not panel.lines:
                panel.text(0.5, 0.5, "not measured in this plan", ha="center", transform=panel.transAxes)
            elif marks and column in marks:
                panel.axhline(marks[column], color="#222222", linewidth=0.7, linestyle=":")
            panel.set_title(label, fontsize=8)
            panel.set_xlabel("training images seen")
            panel.xaxis.set_major_locator(MaxNLocator(4))
            panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        if shown:
            columns = 3 if len(panels) > 1 else 2
            drawn.legend(
                shown.values(), shown.keys(), loc="outside lower center", ncols=columns, fontsize=6.5, handlelength=2.2
            )
        save(drawn, report.folder, name)


def _line(panel: Axes, report: Report, run: str, runs: Sequence[str], column: str) -> Line2D | None:
    """The line of a run, or None where it has no such column."""
    rows = report.histories
    if column not in rows:
        return None
    mean = rows[rows.run == run].dropna(subset=[column]).groupby("images")[column].mean()
    if not len(mean):
        return None
    dash, colour = line_of(run, list(runs))
    return panel.plot(mean.index, mean, dash, color=colour, label=run, marker="o", markersize=2.5, linewidth=1.2)[0]
