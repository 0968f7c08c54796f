"""The report as CSV files: everything that was found, in order."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from hardmine.artefacts import write_text
from hardmine.foreign import in_csv, shown

from .report import Report

__all__ = ["TABLES", "write_tables"]

TABLES = {
    "duplicates.csv": ("group", "kind", "path", "class", "split", "like", "similarity", "classes", "splits"),
    "labels.csv": (
        *("rank", "path", "class", "split", "suggestion", "probability", "doubted"),
        *("votes", "voted", "votes_for_voted"),
    ),
    "classes.csv": ("class", "other", "overlap", "there", "back", "example", "other_example", "similarity"),
    "outliers.csv": ("rank", "path", "class", "split", "distance", "deviations"),
    "files.csv": ("path", "class", "split", "problem", "detail"),
}
"""Names of the files, and their columns."""


def write_tables(report: Report, folder: Path) -> list[Path]:
    """Write the five files; names are written as ``hardmine.foreign.from_csv`` reads them back."""
    rows = (_duplicates(report), _labels(report), _classes(report), _outliers(report), _files(report))
    for (name, columns), content in zip(TABLES.items(), rows, strict=True):
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(columns)
        table.writerows([_cell(value) for value in row] for row in content)
        write_text(folder / name, text.getvalue())
    return [folder / name for name in TABLES]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if isinstance(value, int) else shown(in_csv(str(value)))


def _image(report: Report, row: int) -> tuple[str, str, str]:
    looked = report.looked
    return looked.names[row], looked.classes[row], looked.splits[row]


def _duplicates(report: Report) -> Iterable[Sequence[object]]:
    for number, group in enumerate(report.groups, start=1):
        links = zip(group.rows, group.kinds, group.nearest, group.similarities, strict=True)
        for row, kind, like, similarity in links:
            across = (group.across_classes, group.across_splits)
            yield number, kind, *_image(report, row), report.looked.names[like], similarity, *across


def _labels(report: Report) -> Iterable[Sequence[object]]:
    votes, found = report.votes, report.verdicts
    triples = zip(found.rows.tolist(), found.others.tolist(), found.probabilities.tolist(), strict=True)
    for rank, (row, other, probability) in enumerate(triples, start=1):
        voted = report.name_of(int(votes.others[row]))
        said = (float(votes.own[row]), voted, float(votes.share[row]))
        yield rank, *_image(report, row), report.name_of(other), probability, probability < 0.5, *said


def _classes(report: Report) -> Iterable[Sequence[object]]:
    names, vectors = report.looked.names, report.looked.vectors
    for one in report.overlaps:
        here, there = one.example
        pair = (report.name_of(one.first), report.name_of(one.second))
        example = (names[here], names[there], float(vectors[here] @ vectors[there]))
        yield *pair, one.score, one.there, one.back, *example


def _outliers(report: Report) -> Iterable[Sequence[object]]:
    for rank, one in enumerate(report.outliers, start=1):
        yield rank, *_image(report, one.row), one.distance, one.deviations


def _files(report: Report) -> Iterable[Sequence[object]]:
    for one in report.problems:
        yield one.name, *report.looked.labels.get(one.name, ("", "")), one.problem, one.detail
