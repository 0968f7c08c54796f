"""Tables as files: Parquet, CSV, JSON Lines; written block by block, whole or absent."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from hardmine.artefacts import writing
from hardmine.errors import UserError
from hardmine.foreign import shown

__all__ = ["FORMATS", "format_of", "write_rows", "write_table"]

FORMATS = ("parquet", "csv", "jsonl")
_ENDINGS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

Columns = Mapping[str, list[Any]]


def format_of(path: Path, given: str | None) -> str:
    """The format asked for, or the one that the file's ending names.

    Raises:
        UserError: neither is one of ``FORMATS``; or Parquet is asked for and its library is not installed.
    """
    if given is not None and given not in FORMATS:
        raise UserError(f"--format {given}: is not allowed; allowed: {', '.join(FORMATS)}.")
    found = given or _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise UserError(f"{path}: its ending names no format; endings: {' '.join(_ENDINGS)}. Or give --format.")
    if found == "parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise UserError(
                f"{path}: Parquet needs pyarrow, which is not installed: pip install pyarrow. CSV and JSON Lines need "
                "nothing: give a file that ends with .csv or .jsonl."
            ) from None
    return found


def write_table(path: Path, kind: str, names: list[str], blocks: Iterable[Columns]) -> int:
    """Write a table; the number of its rows.

    Args:
        path: the file.
        kind: of ``FORMATS``.
        names: of the columns, in order.
        blocks: their values, block by block; a list in a cell is JSON in CSV.

    Raises:
        UserError: the file cannot be written, or a name is not text that the format can hold.
    """
    write: Callable[[Path, list[str], Iterable[Columns]], int]
    write = {"parquet": _parquet, "csv": _csv, "jsonl": _json_lines}[kind]
    with writing(path) as temporary:
        return write(temporary, names, blocks)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], names: list[str]) -> None:
    """Write a small CSV file of rows.

    Raises:
        UserError: the file cannot be written.
    """
    with writing(path) as temporary, open(temporary, "w", newline="", **_TEXT) as file:
        table = csv.DictWriter(file, names, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}
"""Names that are not UTF-8 are written as the bytes that they are."""


def _csv(path: Path, names: list[str], blocks: Iterable[Columns]) -> int:
    count = 0
    with open(path, "w", newline="", **_TEXT) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        for block in blocks:
            cells = [[json.dumps(cell) if isinstance(cell, list) else cell for cell in block[name]] for name in names]
            table.writerows(zip(*cells, strict=True))
            count += len(cells[0])
    return count


def _json_lines(path: Path, names: list[str], blocks: Iterable[Columns]) -> int:
    count = 0
    with open(path, "w", encoding="utf-8") as file:
        for block in blocks:
            for values in zip(*(block[name] for name in names), strict=True):
                file.write(json.dumps(dict(zip(names, values, strict=True))) + "\n")
                count += 1
    return count


def _parquet(path: Path, names: list[str], blocks: Iterable[Columns]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count, table = 0, None
    try:
        with open(path, "wb") as file:
            for block in blocks:
                try:
                    part = pa.table({name: block[name] for name in names})
                except (UnicodeEncodeError, pa.ArrowInvalid):
                    bad = next(value for name in names for value in block[name] if _is_odd(value))
                    raise UserError(
                        f"{shown(bad)}: has a name that is not UTF-8, which Parquet cannot hold. Rename it, or write "
                        "CSV or JSON Lines."
                    ) from None
                table = table or pq.ParquetWriter(file, part.schema)
                table.write_table(part)
                count += part.num_rows
            if table is not None:
                table.close()
    finally:
        table = None
    return count


def _is_odd(value: Any) -> bool:
    try:
        return isinstance(value, str) and not value.encode()
    except UnicodeEncodeError:
        return True
