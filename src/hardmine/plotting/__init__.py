"""How figures look, and what a method's own may read; below the methods, so that each can draw itself."""

from .over_training import draw_made, draw_runs
from .report import Report
from .style import COLUMN, TEXT, colour_of, figure, grid, line_of, panels, save

__all__ = [
    "COLUMN",
    "TEXT",
    "Report",
    "colour_of",
    "draw_made",
    "draw_runs",
    "figure",
    "grid",
    "line_of",
    "panels",
    "save",
]
