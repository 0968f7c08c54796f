"""How figures look, and what a method's own may read; below the methods, so that each can draw itself."""

from .learners import draw_correlations, draw_growth, draw_nothing, run_with_learners
from .report import Report
from .style import COLUMN, TEXT, colour_of, figure, grid, line_of, panels, save

__all__ = [
    "COLUMN",
    "TEXT",
    "Report",
    "colour_of",
    "draw_correlations",
    "draw_growth",
    "draw_nothing",
    "figure",
    "grid",
    "line_of",
    "panels",
    "run_with_learners",
    "save",
]
