"""Reading official lists line by line, with errors that name the line."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from hardmine.errors import UserError

from .members import REMEDY, read_bounded

__all__ = ["read_list", "rows", "table_of", "text_of", "unique", "whole_number"]


def read_list(path: Path) -> bytes:
    """The bytes of a list that lies in a file of its own.

    Raises:
        UserError: it cannot be read, is no regular file, or is larger than any list.
    """
    try:
        return read_bounded(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}. {REMEDY}") from None


def table_of(content: bytes, source: str, remedy: str = REMEDY, strict: bool = False) -> list[list[str]]:
    """The cells of a list that is CSV, line by line.

    Raises:
        UserError: it is not text, or no CSV; the message ends with ``remedy``.
    """
    try:
        return list(csv.reader(io.StringIO(text_of(content, source, remedy), newline=""), strict=strict))
    except csv.Error as error:
        raise UserError(f"{source}: cannot be read as CSV ({error}). {remedy}") from None


def text_of(content: bytes, source: str, remedy: str = REMEDY) -> str:
    """Decode a list as UTF-8, or as UTF-16 where its byte order mark says so.

    Raises:
        UserError: it is not text; the message ends with ``remedy``.
    """
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{source}: is not UTF-8 text (line {line} holds the byte 0x{content[error.start]:02X}). {remedy}"
        ) from None


def rows(
    content: bytes, source: str, columns: Sequence[str], head: Sequence[str] = (), separator: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Line number (from 1) and cells of every line that is not empty.

    Args:
        content: the list.
        source: names it in messages.
        columns: what the cells are called; each line has that many.
        head: what the first lines must be, white space aside; they are not given out.
        separator: between cells; None stands for any run of white space.

    Raises:
        UserError: a line has another number of cells, the head differs, or nothing follows it.
    """
    lines = text_of(content, source).splitlines()
    for number, wanted in enumerate(head, start=1):
        found = " ".join(lines[number - 1].split()) if number <= len(lines) else ""
        if found != wanted:
            raise UserError(f"{source}: line {number} is {found[:80]!r} instead of {wanted!r}: another list. {REMEDY}")
    count = 0
    for number, line in enumerate(lines[len(head) :], start=len(head) + 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.strip().split(separator)]
        if len(cells) != len(columns) or "" in cells:
            raise UserError(f"{source}: line {number} is {line[:80]!r}; it must hold {', '.join(columns)}. {REMEDY}")
        count += 1
        yield number, cells
    if not count:
        raise UserError(f"{source}: lists nothing. {REMEDY}")


def whole_number(text: str, what: str, place: str, lowest: int, highest: int) -> int:
    """A whole number in a known range.

    Raises:
        UserError: it is none, or outside the range (counted from 0 where the list counts from 1, say).
    """
    if text.isascii() and text.isdigit() and lowest <= int(text) <= highest:
        return int(text)
    raise UserError(f"{place}: {what} {text!r} is not a number from {lowest} to {highest}. {REMEDY}")


def unique(pairs: Iterator[tuple[int, list[str]]], source: str) -> dict[str, str]:
    """Lines of two cells as a mapping.

    Raises:
        UserError: a key stands in two lines.
    """
    found: dict[str, str] = {}
    homes: dict[str, int] = {}
    for number, (key, value) in pairs:
        if key in found:
            raise UserError(f"{source}: lines {homes[key]} and {number} are both about {key}. {REMEDY}")
        found[key], homes[key] = value, number
    return found
