"""What was kept, what was skipped, and why: printed, and as CSV files beside the result."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardmine.foreign import in_csv

from .mining import KEPT, ONLY_COPIES, ONLY_IMAGE, Mined
from .selection import REASONS
from .sources import Source
from .tables import Layout, require_rows
from .writing import write_rows

__all__ = ["Line", "beside", "print_report", "report_of", "write_report"]

_FATES = {
    ONLY_IMAGE: "skipped: the only image of its class",
    ONLY_COPIES: "skipped: its class holds only copies of it",
    **{number: f"skipped: no negative left, most were {why}" for number, why in enumerate(REASONS.values())},
}
_SHARES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Line:
    """One line of the table: of what, which part of them, how many (or a score)."""

    of: str
    what: str
    value: int | float


def beside(path: Path, kind: str) -> Path:
    """A file beside the result: ``hard.parquet``, ``report`` → ``hard.report.csv``."""
    return path.with_name(f"{path.stem}.{kind}.csv")


def report_of(source: Source, mined: Mined, layout: Layout, rows: int) -> list[Line]:
    """The table of one mining whose file has so many rows."""
    full = require_rows(mined, layout)
    lines = [Line("images", "read", len(source.vectors))]
    lines += [
        Line("images", what, count)
        for what, count in (
            ("left out: unreadable", len(source.unreadable)),
            ("left out: gone or changed since they were indexed", len(source.altered)),
            ("left out: not in the list", source.labelled.unlisted),
            ("left out: of other splits", source.labelled.other_splits),
            ("with the same vector as an earlier one", mined.copies),
        )
        if count
    ]
    fates = Counter(mined.fates.tolist())
    lines.append(Line("anchors", "kept", len(np.unique(mined.anchors[full]))))
    lines += [Line("anchors", why, fates[fate]) for fate, why in _FATES.items() if fates[fate]]
    if short := len(np.setdiff1d(mined.anchors[~full], mined.anchors[full])):
        lines.append(Line("anchors", f"skipped: fewer than {layout.negatives} negatives left", short))
    lines.append(Line("candidates", "looked at", mined.looked))
    lines += [
        Line("candidates", f"not taken: {why}", int(count))
        for why, count in zip(REASONS.values(), mined.refused, strict=True)
        if count
    ]
    taken = mined.negatives[full] >= 0
    lines.append(Line("candidates", "taken as negatives", int(taken.sum())))
    lines.append(Line("rows", "written", rows))
    for name, scores in (
        ("positives", mined.positive_scores[full]),
        ("negatives", mined.negative_scores[full][taken]),
    ):
        values = np.quantile(scores, _SHARES)
        lines += [
            Line(f"scores of {name}", f"{100 * share:.0f} % are below", v)
            for share, v in zip(_SHARES, values, strict=True)
        ]
    nearer = mined.negative_scores[full] > mined.positive_scores[full, None]
    lines.append(Line("negatives", "nearer to the anchor than its positive", int(nearer.sum())))
    return lines


def write_report(path: Path, lines: list[Line], source: Source, mined: Mined, layout: Layout) -> None:
    """Write ``….report.csv`` (the table) and ``….skipped.csv`` (every image left out or skipped as an anchor, and why).

    Raises:
        UserError: a file cannot be written.
    """
    table = [{"of": line.of, "what": line.what, "value": _number(line.value)} for line in lines]
    write_rows(beside(path, "report"), table, ["of", "what", "value"])
    write_rows(beside(path, "skipped"), _skipped(source, mined, layout), ["path", "class", "why"])


def print_report(lines: list[Line]) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column("of")
    table.add_column("what", overflow="fold")
    table.add_column("number", justify="right")
    before = ""
    for line in lines:
        value = f"{line.value:,}" if isinstance(line.value, int) else f"{line.value:.3f}"
        table.add_row(line.of if line.of != before else "", line.what, value)
        before = line.of
    Console().print(table)


def _number(value: int | float) -> int | float:
    return value if isinstance(value, int) else round(float(value), 6)


def _skipped(source: Source, mined: Mined, layout: Layout) -> Iterator[dict[str, Any]]:
    for path, why in sorted(source.unreadable.items()):
        yield {"path": in_csv(path), "class": "", "why": in_csv(f"unreadable: {why}")}
    for path, why in sorted(source.altered.items()):
        yield {"path": in_csv(path), "class": "", "why": in_csv(f"not as it was indexed: {why}")}
    full = require_rows(mined, layout)
    short = set(np.setdiff1d(mined.anchors[~full], mined.anchors[full]).tolist())
    for row, (image, fate) in enumerate(zip(source.labelled.images, mined.fates.tolist(), strict=True)):
        why = f"skipped: fewer than {layout.negatives} negatives left" if row in short else _FATES.get(fate, "")
        if row in short or fate != KEPT:
            yield {"path": in_csv(image.path), "class": in_csv(image.label), "why": why}
