"""How figures look: one colour a method everywhere, safe for colour-blind readers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from hardmine.artefacts import writing

__all__ = ["COLUMN", "TEXT", "colour_of", "figure", "grid", "line_of", "panels", "save", "svg_line_of"]

COLUMN, TEXT = 3.35, 7.0
"""Widths of a column and of the whole text of a two-column paper, in inches; every figure is drawn at one of them."""
ROW, LINE = 2.4, 0.15
"""Heights in inches of a row of panels in a ``grid``, and of a line of the legend below it."""

_COLOURS = {
    "random": "#888888",
    "triplet-random": "#56B4E9",
    "triplet-semihard": "#0072B2",
    "triplet-hard": "#1B3A5C",
    "triplet-distance": "#6A9FD4",
    "contrastive": "#B8860B",
    "lifted": "#9A6324",
    "npair": "#009E73",
    "angular": "#5B8C5A",
    "histogram": "#8C6D9E",
    "proxy-nca": "#C49A00",
    "softmax": "#E0B050",
    "margin": "#44AA99",
    "hdc": "#D55E00",
    "smart-mining": "#CC3366",
    "schem": "#7B3294",
    "hdml-npair": "#117733",
    "hdml-triplet": "#66A61E",
    "htl": "#0060D8",
    "facility-location": "#604830",
    "spectral": "#C090F0",
    "adapted-triplet": "#D89090",
    "hap2s": "#2B2B52",
    "quadruplet": "#A0522D",
    "pddm": "#B03A9C",
    "ccl": "#2F7F86",
    "daml": "#D878A8",
    "dvml": "#80607F",
    "htg": "#018571",
    "bier": "#F04848",
    "abe": "#8A8A2B",
    "dreml": "#7A2E12",
}
_SPARE = ("#332288", "#AA4499", "#DDCC77", "#882255", "#999933", "#661100", "#6699CC", "#AA4466")
_DASHES = ("-", "--", "-.", ":")


def colour_of(run: str) -> str:
    """The colour of a run: its own, its longest known prefix's, or a spare one tied to the name."""
    known = [name for name in _COLOURS if run == name or run.startswith(f"{name}-")]
    return _COLOURS[max(known, key=len)] if known else _SPARE[sum(run.encode()) % len(_SPARE)]


def line_of(run: str, runs: Sequence[str] = ()) -> tuple[str, tuple[float, float, float]]:
    """Dash and colour of a run's line among the runs of a figure: variants that share a colour get tints and dashes."""
    kin = [other for other in runs if colour_of(other) == colour_of(run)]
    place = kin.index(run) if run in kin else 0
    red, green, blue = to_rgb(colour_of(run))
    white = (0.0, 0.3, 0.5)[place // len(_DASHES) % 3]
    mixed = tuple(white + (1 - white) * part for part in (red, green, blue))
    return _DASHES[place % len(_DASHES)], (mixed[0], mixed[1], mixed[2])


def svg_line_of(run: str, runs: Sequence[str]) -> tuple[str, str]:
    """``line_of`` as SVG writes it: lengths of strokes and gaps (empty for a whole line), and ``#rrggbb``."""
    dash, colour = line_of(run, runs)
    return {"-": "", "--": "7 4", "-.": "8 3 2 3", ":": "2 3"}[dash], to_hex(colour)


@contextmanager
def figure(width: float = COLUMN, height: float = 2.5) -> Iterator[tuple[Figure, Axes]]:
    """A figure with one axes in the project's style; sizes in inches."""
    with panels(1, width, height) as (drawn, (axes,)):
        yield drawn, axes


@contextmanager
def grid(rows: int, columns: int, legend: int = 1, **shared: Any) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure of panels in rows of one height, a column wide where it has one, else as wide as the text.

    Args:
        rows: of panels.
        columns: of panels.
        legend: lines of a legend below them.
        shared: ``sharex`` and ``sharey``, as ``Figure.subplots`` takes them.

    Yields:
        The figure, and its axes [rows, columns].
    """
    with figure(COLUMN if columns == 1 else TEXT, ROW * rows + LINE * legend) as (drawn, axes):
        axes.remove()
        yield drawn, drawn.subplots(rows, columns, squeeze=False, **shared)


@contextmanager
def panels(count: int, width: float, height: float) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with axes in two columns (one where there is one); sizes in inches, of the whole."""
    style: dict[Any, Any] = {
        "font.size": 7.5,
        "axes.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.5,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "svg.hashsalt": "hardmine",
        "svg.fonttype": "path",
        "figure.dpi": 100,
    }
    with plt.rc_context(style):
        columns = min(count, 2)
        rows = -(-count // columns)
        drawn, grid = plt.subplots(rows, columns, figsize=(width, height), layout="constrained", squeeze=False)
        for spare in grid.flat[count:]:
            spare.set_visible(False)
        try:
            yield drawn, list(grid.flat[:count])
        finally:
            plt.close(drawn)


def save(drawn: Figure, folder: Path, name: str, png: bool = True) -> None:
    """Write ``<name>.svg`` and, unless told not to, ``<name>.png`` (300 dpi), the same bytes for the same figure."""
    with writing(folder / f"{name}.svg") as temporary:
        drawn.savefig(temporary, metadata={"Date": None})
    if not png:
        return
    with writing(folder / f"{name}.png") as temporary:
        drawn.savefig(temporary, dpi=300, metadata={"Software": None})
