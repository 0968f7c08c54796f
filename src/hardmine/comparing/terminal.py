"""The comparison on a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hardmine.foreign import shown

from .cells import Table as Cells
from .cells import answers_table, notes, runs_table
from .table import Comparison

__all__ = ["print_comparison"]

_LEFT = ("run", "data set", "question", "verdict", "runs")
_FOLDED = ("data set", "question", "runs", "minus its control", "minus its base", "published", "replicates")
_LEFT_OUT = ("settings",)
"""Stands in the files."""
_WIDTH = 120


def print_comparison(comparison: Comparison) -> None:
    """Print the table of runs, that of answers, and what they mean."""
    console = Console(width=max(_WIDTH, Console().width))
    for cells in (runs_table(comparison), answers_table(comparison)):
        if cells.rows:
            console.print(_table(cells), crop=False)
    for note in notes(comparison):
        console.print(Text(shown(note)))


def _table(cells: Cells) -> Table:
    """A table whose numbers stay whole where it is too wide."""
    table = Table()
    kept = [place for place, title in enumerate(cells.titles) if title not in _LEFT_OUT]
    for title in (cells.titles[place] for place in kept):
        side = "left" if title in _LEFT else "right"
        table.add_column(title, justify=side, no_wrap=title not in _FOLDED, overflow="fold")  # type: ignore[arg-type]
    for row in cells.rows:
        table.add_row(*(Text(shown(row[place].text)) for place in kept))
    return table
