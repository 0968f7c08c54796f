"""``items.csv``: one line an image, in the order of the packed rows."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardmine.artefacts import writing
from hardmine.errors import UserError
from hardmine.foreign import from_csv, in_csv

__all__ = ["SPLITS", "Items", "read_items", "write_items"]

SPLITS = ("train", "validation", "test", "warm")
_COLUMNS = ("row", "path", "class", "split", "role")
_ROLES = ("train", "both", "query", "gallery")


@dataclass(frozen=True)
class Items:
    """The list of a packed data set.

    Attributes:
        paths: where each image came from.
        classes: class name of each image.
        splits: one of ``SPLITS`` for each image; classes of different splits are disjoint.
        roles: ``train``, or what an evaluated image serves as: ``both``, ``query``, ``gallery``.
    """

    paths: list[str]
    classes: list[str]
    splits: list[str]
    roles: list[str]

    def rows(self, *splits: str) -> np.ndarray:
        """Rows of the given splits, ascending, int64."""
        return np.flatnonzero(np.isin(np.asarray(self.splits), splits)).astype(np.int64)

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """Class numbers of ``rows``, 0..C-1 in the order of sorted class names, int64."""
        own = [self.classes[row] for row in rows]
        numbers = {name: number for number, name in enumerate(sorted(set(own)))}
        return np.array([numbers[name] for name in own], dtype=np.int64)


def write_items(path: Path, items: Items) -> None:
    """Write ``items.csv``.

    Raises:
        UserError: a name cannot be written as a line of UTF-8 text.
    """
    for name in (*items.paths, *items.classes):
        if "\r" in name or (not name.isascii() and name.encode(errors="replace").decode() != name):
            raise UserError(
                f"{path}: {name!r} is no name that a list can hold (a carriage return, or no UTF-8). Rename it."
            )
    with writing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(
            (row, in_csv(path), in_csv(label), split, role)
            for row, (path, label, split, role) in enumerate(
                zip(items.paths, items.classes, items.splits, items.roles, strict=True)
            )
        )


def read_items(path: Path) -> Items:
    """Read ``items.csv``.

    Raises:
        UserError: the file is missing, truncated or altered, or a class stands in two splits.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            table = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({error}). 'snakemake --cores all' makes it again.") from None
    if not table or tuple(table[0]) != _COLUMNS:
        raise UserError(f"{path}: its first line must be {','.join(_COLUMNS)}.")
    home: dict[str, str] = {}
    for number, line in enumerate(table[1:]):
        if len(line) != 5 or line[0] != str(number) or line[3] not in SPLITS or line[4] not in _ROLES:
            raise UserError(f"{path}: line {number + 2} is damaged: {','.join(line)[:80]!r}.")
        if home.setdefault(line[2], line[3]) != line[3]:
            raise UserError(
                f"{path}: class {line[2]!r} is in {home[line[2]]} and in {line[3]}; splits must be disjoint."
            )
    _, paths, classes, splits, roles = zip(*table[1:], strict=True) if table[1:] else [()] * 5
    return Items([from_csv(path) for path in paths], [from_csv(label) for label in classes], [*splits], [*roles])
