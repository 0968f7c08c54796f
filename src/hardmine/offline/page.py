"""Mined anchors as one page with the pictures in it: anchor, positive, negatives, scores and classes."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from hardmine.artefacts import write_text
from hardmine.foreign import shown
from hardmine.search.page import link_to, picture_of

from .mining import Mined
from .report import Line
from .sources import Source

__all__ = ["hardest_pairs", "write_page"]

_SHOWN = 8
"""Negatives of an anchor at most."""


def hardest_pairs(mined: Mined, count: int) -> np.ndarray:
    """Pairs whose nearest negative beats the positive most, at most one of each anchor; int64, hardest first."""
    gap = mined.negative_scores[:, 0] - mined.positive_scores
    order = np.argsort(-gap, kind="stable")
    _, first = np.unique(mined.anchors[order], return_index=True)
    return order[np.sort(first)[:count]]


def write_page(target: Path, source: Source, mined: Mined, lines: list[Line], count: int) -> None:
    """Write the page of the hardest anchors; a picture altered since it was embedded is not shown.

    Args:
        target: the file.
        source: the images.
        mined: what was mined.
        lines: the table of what was kept and skipped.
        count: anchors at most.

    Raises:
        UserError: the file cannot be written.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(files("hardmine.offline").joinpath("page.html.j2").read_text(encoding="utf-8"))
    pairs = hardest_pairs(mined, count)
    context: dict[str, Any] = {
        "folder": shown(source.labelled.root.absolute().name),
        "anchors": len(np.unique(mined.anchors)),
        "lines": [{"of": line.of, "what": line.what, "value": _value(line.value)} for line in lines],
        "results": [_result(source, mined, int(pair)) for pair in pairs],
    }
    write_text(target, template.render(context))


def _result(source: Source, mined: Mined, pair: int) -> dict[str, Any]:
    negatives = [
        _picture(source, int(row), float(score))
        for row, score in zip(mined.negatives[pair], mined.negative_scores[pair], strict=True)
        if row >= 0
    ]
    return {
        "anchor": _picture(source, int(mined.anchors[pair]), 1.0),
        "positive": _picture(source, int(mined.positives[pair]), float(mined.positive_scores[pair])),
        "negatives": negatives[:_SHOWN],
        "more": max(0, len(negatives) - _SHOWN),
    }


def _picture(source: Source, row: int, score: float) -> dict[str, Any]:
    image = source.labelled.images[row]
    file = source.labelled.root / image.path
    return {
        "path": shown(image.path),
        "label": shown(image.label),
        "link": link_to(str(file)),
        "score": score,
        "thumbnail": picture_of(file, source.digests[row] if source.digests else ""),
    }


def _value(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
