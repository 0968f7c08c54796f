"""How figures look, and what a method's own may read; below the methods, so that each can draw itself."""

from .curves import Curve, draw_curves
from .report import Report
from .style import COLUMN, TEXT, colour_of, figure, grid, line_of, panels, save

__all__ = [
    "COLUMN",
    "TEXT",
    "Curve",
    "Report",
    "colour_of",
    "draw_curves",
    "figure",
    "grid",
    "line_of",
    "panels",
    "save",
]
