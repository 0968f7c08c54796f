"""Every figure that a test here draws must be readable in print."""

from collections.abc import Iterator
from typing import Any

import pytest
from matplotlib.figure import Figure
from readable import complaints


@pytest.fixture(autouse=True)
def _figures_are_readable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found: dict[str, list[str]] = {}
    save = Figure.savefig

    def look(drawn: Figure, path: Any, **keys: Any) -> None:
        save(drawn, path, **keys)
        if str(path).endswith(".png") and (faults := complaints(drawn)):  # saved last; a look may shift the layout
            found[path.name] = faults

    monkeypatch.setattr(Figure, "savefig", look)
    yield
    assert found == {}
