"""Lists that users write: ``path,class`` or ``path,class,split``; what looks like one is told what to change."""

import csv
import io
from pathlib import Path

from hardmine.errors import UserError

from .lists import read_list, table_of, text_of
from .members import REMEDY

__all__ = ["SPLITS", "labelled_rows", "split_hint"]

SPLITS = ("train", "validation", "test")
_COLUMNS = ("path", "class", "split")
_ALLOWED = (_COLUMNS[:2], _COLUMNS)
_USUAL = {
    **dict.fromkeys(("file", "filename", "file_name", "filepath", "file_path", "image", "image_path"), "path"),
    **dict.fromkeys(("label", "class_name", "category"), "class"),
    **dict.fromkeys(("set", "subset"), "split"),
}
"""What others call the columns."""
_USUAL_SPLITS = {"training": "train", **dict.fromkeys(("val", "valid", "dev"), "validation"), "testing": "test"}
_SEPARATORS = {";": "semicolons", "\t": "tabs"}


def labelled_rows(path: Path, remedy: str = REMEDY) -> tuple[int, list[tuple[int, list[str]]]]:
    """A list ``path,class`` or ``path,class,split``: how many columns, then line number and cells of what is not empty.

    Raises:
        UserError: it cannot be read, or has another first line; the message on its text ends with ``remedy``.
    """
    content = read_list(path)
    width = _width(text_of(content, str(path), remedy), path)
    table = table_of(content, str(path), remedy, strict=True)
    found = ((number, [cell.strip() for cell in row]) for number, row in enumerate(table[1:], start=2))
    return width, [(number, cells) for number, cells in found if any(cells)]


def split_hint(word: str) -> str:
    """A sentence with the split that a word stands for elsewhere; empty where none is known."""
    meant = word.casefold()
    meant = meant if meant in SPLITS else _USUAL_SPLITS.get(meant, "")
    return f" Write {meant} for {word}." if meant else ""


def _width(text: str, path: Path) -> int:
    """How many columns a list has by its first line."""
    line = io.StringIO(text, newline=None).readline(1000).rstrip("\n")
    separator = next((sign for sign in _SEPARATORS if sign in line and "," not in line), ",")
    head = [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
    if separator == "," and tuple(head) in _ALLOWED:
        return len(head)
    steps = [f"save it with commas in place of {_SEPARATORS[separator]}"] if separator in _SEPARATORS else []
    steps += _steps(head)
    todo = f" What to do: {'; '.join(steps)}." if steps else ""
    raise UserError(
        f"{path}: its first line is {line.strip()[:80]!r}; it must be path,class or path,class,split.{todo}"
    )


def _steps(head: list[str]) -> list[str]:
    """What makes the columns of a list the right ones; nothing where it is not plain which of them are meant."""
    meant = [_USUAL.get(cell.casefold(), cell.casefold()) for cell in head]
    names = [name for name in _COLUMNS if name in meant]
    if tuple(names) not in _ALLOWED or any(meant.count(name) > 1 for name in names):
        return []
    others = [repr(cell) for cell, name in zip(head, meant, strict=True) if name not in names]
    steps = [f"leave out the column{'s' * (len(others) > 1)} {', '.join(others)[:80]}"] if others else []
    if [name for name in meant if name in names] != names:
        steps.append(f"put the columns into the order {','.join(names)}")
    if any(cell not in names for cell, name in zip(head, meant, strict=True) if name in names):
        steps.append(f"write {','.join(names)} as its first line")
    return steps
