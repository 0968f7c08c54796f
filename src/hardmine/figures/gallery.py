"""A picture of queries and their neighbours, for print; the page has all of them."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from safetensors.numpy import load_file

from hardmine.images import open_store
from hardmine.plotting.style import TEXT, figure, save

__all__ = ["draw_gallery"]

RIGHT, WRONG = ("#009E73", "-"), ("#D55E00", (0, (2, 1.2)))
"""Colour and dashes of a frame."""


def draw_gallery(neighbours_file: Path, packed: Path, folder: Path, queries: int = 12, shown: int = 8) -> None:
    """Queries beside their nearest images: green solid frames for the right class, orange dashed ones for another.

    The left half are the hardest mistakes (the fewest right neighbours), the right half are drawn evenly.
    """
    lists = load_file(neighbours_file)
    store, items = open_store(packed, "test")
    classes = items.labels(np.arange(len(items.classes)))
    asked, rows = lists["queries"], lists["rows"][:, :shown]
    right = (classes[rows] == classes[asked][:, None]) & (rows >= 0)
    half = max(1, min(queries, len(rows)) // 2)
    hardest = np.argsort(right.sum(axis=1), kind="stable")[:half]
    evenly = np.linspace(0, len(rows) - 1, half).astype(int)
    wide = rows.shape[1] + 1.4
    with figure(TEXT, 0.3 + half * TEXT / (2 * wide + 0.8)) as (drawn, axes):
        axes.set_axis_off()
        for left, title, chosen in ((0.0, "hardest mistakes", hardest), (wide + 0.8, "evenly drawn", evenly)):
            axes.text(left + 0.08, -0.12, title, fontsize=8)
            for line, query in enumerate(chosen):
                _tile(axes, store.pixels[asked[query]], left, line)
                for place in np.flatnonzero(rows[query] >= 0):
                    _tile(axes, store.pixels[rows[query, place]], left + 1.4 + place, line)
                    _frame(axes, left + 1.4 + place, line, *(RIGHT if right[query, place] else WRONG))
        axes.set(xlim=(0, 2 * wide + 0.8), ylim=(half, -0.6), aspect="equal")
        save(drawn, folder, "gallery")


def _tile(axes: Axes, image: np.ndarray, left: float, top: float) -> None:
    """One image in a unit square."""
    shown = image[:, :, 0] if image.shape[2] == 1 else image
    extent = (left + 0.08, left + 0.92, top + 0.92, top + 0.08)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="nearest")


def _frame(axes: Axes, left: float, top: float, colour: str, dashes: str | tuple[int, tuple[float, float]]) -> None:
    axes.add_patch(Rectangle((left + 0.05, top + 0.05), 0.9, 0.9, fill=False, ec=colour, lw=1.1, ls=dashes))
