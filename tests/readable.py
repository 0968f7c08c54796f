"""Is a figure readable where it will be printed? Text large enough at the width of a column, nothing cut off."""

from collections.abc import Iterator
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from hardmine.plotting.style import COLUMN, TEXT

SMALLEST = 6.0
"""Points, on paper."""


def complaints(drawn: Figure) -> list[str]:
    """What is too small or cut off in a figure printed at the width of a column, or of the text where it is wider."""
    width, height = drawn.get_size_inches()
    place = COLUMN if width <= COLUMN * 1.01 else TEXT
    drawn.canvas.draw()
    ticks = {
        text for axes in drawn.axes for axis in (axes.xaxis, axes.yaxis) for text in axis.get_ticklabels(which="both")
    }
    found = []
    for text in drawn.findobj(Text):
        if not text.get_visible() or not text.get_text().strip():
            continue
        size = text.get_fontsize() * place / width
        if size < SMALLEST:
            found.append(f"{text.get_text()!r}: {size:.1f} points")
        if text in ticks:  # those beyond an axis are there, but not drawn
            continue
        box = text.get_window_extent()
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width * drawn.dpi + 1 or box.y1 > height * drawn.dpi + 1:
            found.append(f"{text.get_text()!r} is cut off")
    return found


@pytest.fixture(autouse=True)
def figures_are_readable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For a conftest: every figure that a test below it saves must be readable in print."""
    found: dict[str, list[str]] = {}
    save = Figure.savefig

    def look(drawn: Figure, path: Any, **keys: Any) -> None:
        save(drawn, path, **keys)
        if str(path).endswith(".png") and (faults := complaints(drawn)):  # saved last; a look may shift the layout
            found[path.name] = faults

    monkeypatch.setattr(Figure, "savefig", look)
    yield
    assert not found, found
