"""Text of others (names of files and classes, plans, records) where it meets a terminal, a spreadsheet, a page.

What a terminal, a spreadsheet or a page would obey instead of show is written so that it is shown.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["from_csv", "in_csv", "in_json", "in_markdown", "markdown_table", "shown"]

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode categories that a terminal obeys (escape sequences, directions) or does not show at all."""
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_MARKS = re.compile(r"([\\`*_\[\]|$])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def shown(text: object) -> str:
    """Text as it is shown on a terminal: line breaks stay, other invisible characters are written as escapes."""
    text = str(text)
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(_escape(char) if char != "\n" and _is_hidden(char) else char for char in text)


def in_csv(text: str) -> str:
    """A name as a cell of a CSV file: with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def from_csv(cell: str) -> str:
    """The name in a cell that ``in_csv`` wrote."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def in_json(value: Any) -> str:
    """A value as JSON that a terminal shows: letters stay, invisible characters are JSON's own escapes."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(json.dumps(char)[1:-1] if char != "\n" and _is_hidden(char) else char for char in text)


def in_markdown(text: object) -> str:
    """Text in Markdown: one line, no markup, no HTML."""
    line = " ".join(shown(str(text)).split())
    return _MARKS.sub(r"\\\1", "".join(_ENTITIES.get(char, char) for char in line))


def markdown_table(titles: Sequence[object], sides: str, rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table of any text.

    Args:
        titles: a title a column.
        sides: a character a column, ``:`` where numbers stand to the right, ``-`` elsewhere.
        rows: as many cells each.
    """
    rules = "|".join({":": "--:", "-": "---"}[side] for side in sides)
    head, *body = (f"| {' | '.join(map(in_markdown, cells))} |\n" for cells in (titles, *rows))
    return "".join([head, f"|{rules}|\n", *body])


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
