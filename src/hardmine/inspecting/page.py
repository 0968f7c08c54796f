"""The report as one page with pictures in it, without any outside request."""

import functools
from collections.abc import Callable
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from hardmine.artefacts import write_text
from hardmine.foreign import shown
from hardmine.search.page import picture_of

from .report import Report

__all__ = ["MARK", "PAGE", "write_page"]

PAGE = "index.html"

MARK = '<meta name="generator" content="hardmine inspect">'
"""Stands in every page, so that a report is known as one."""
_EDGE = 192
_GROUPS, _OF_A_GROUP = 30, 8
_DOUBTS, _PAIRS, _OUTLIERS, _FILES = 48, 24, 36, 36


def write_page(report: Report, title: str, target: Path, picture: Callable[[str], str | None] | None = None) -> None:
    """Write the page: of each finding the first ones, with their pictures.

    Args:
        report: what was found.
        title: of the page.
        target: the file.
        picture: gives the picture of a name as an address; files while they are those that were looked at unless given.

    Raises:
        UserError: the file cannot be written.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    text = files("hardmine.inspecting").joinpath("page.html.j2").read_text(encoding="utf-8")
    digests = dict(zip(report.looked.names, report.looked.digests, strict=True))
    shown_as = picture or (lambda name: _picture(report.looked.folder / name, digests.get(name)))
    write_text(target, environment.from_string(text).render(_context(report, title, functools.cache(shown_as))))


def _context(report: Report, title: str, picture: Callable[[str], str | None]) -> dict[str, Any]:
    looked, verdicts = report.looked, report.verdicts

    def image(row: int) -> dict[str, Any]:
        return _named(report, looked.names[row], picture)

    listed = (part[:_DOUBTS].tolist() for part in (verdicts.rows, verdicts.others, verdicts.probabilities))
    doubts = [
        image(row) | {"other": shown(report.name_of(other)), "probability": probability, "like": image(like)}
        for row, other, probability in zip(*listed, strict=True)
        if probability < 0.5
        for like in [_like(report, row, other)]
    ]
    return {
        "mark": MARK,
        "title": shown(title),
        "notes": [shown(note) for note in report.notes],
        "bound": report.bound,
        "counts": _counts(report),
        "groups": [
            {
                "kind": group.kind,
                "classes": group.across_classes,
                "splits": group.across_splits,
                "more": len(group.rows) - _OF_A_GROUP,
                "images": [
                    image(row) | {"kind": kind, "similarity": value}
                    for row, kind, value in islice(
                        zip(group.rows, group.kinds, group.similarities, strict=True), _OF_A_GROUP
                    )
                ],
            }
            for group in report.groups[:_GROUPS]
        ],
        "doubts": doubts,
        "pairs": [
            {
                "names": [shown(report.name_of(number)) for number in (one.first, one.second)],
                "shares": (one.there, one.back),
                "score": one.score,
                "images": [image(row) for row in one.example],
            }
            for one in report.overlaps[:_PAIRS]
        ],
        "outliers": [image(one.row) | {"deviations": one.deviations} for one in report.outliers[:_OUTLIERS]],
        "files": [
            _named(report, one.name, picture) | {"problem": one.problem, "detail": shown(one.detail)}
            for one in report.problems[:_FILES]
        ],
    }


def _counts(report: Report) -> dict[str, int]:
    return {
        "images": len(report.looked.names),
        "classes": len(report.names),
        "groups": len(report.groups),
        "copies": sum(len(group.rows) for group in report.groups),
        "across_classes": sum(group.across_classes for group in report.groups),
        "across_splits": sum(group.across_splits for group in report.groups),
        "judged": len(report.verdicts.rows),
        "doubted": report.doubted,
        "pairs": len(report.overlaps),
        "outliers": len(report.outliers),
        "problems": len({problem.name for problem in report.problems}),
        "splits": len(set(report.looked.splits) - {""}),
    }


def _like(report: Report, row: int, other: int) -> int:
    """The image of another class that is most like an image."""
    members = np.flatnonzero(report.labels == other)
    return int(members[(report.looked.vectors[members] @ report.looked.vectors[row]).argmax()])


def _named(report: Report, name: str, picture: Callable[[str], str | None]) -> dict[str, Any]:
    label, split = report.looked.labels.get(name, ("", ""))
    return {"path": shown(name), "class": shown(label), "split": shown(split), "thumbnail": picture(name)}


def _picture(path: Path, sha256: str | None) -> str | None:
    """The picture, as ``picture_of`` has it; None where its digest is not known."""
    return picture_of(path, sha256, _EDGE, quality=75) if sha256 else None
