"""``images.parquet`` and ``vectors.npy``: the images of an index and their vectors, checked as they are read.

Both may come from a stranger: nothing takes memory before it is known that the files hold so much.
"""

import operator
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .copies import Copies
from .guard import reading
from .state import IndexState
from .store import open_file

__all__ = ["LOOK", "ImageTable", "read_table"]

LOOK = ("size", "mtime_ns", "ctime_ns", "inode")
"""Columns of ``images.parquet`` that tell whether a file may have changed."""

_DIGEST = 64
_LONGEST_PATH = 4096
_GROUP = 65_536
"""Rows of a group at least, but for the last."""
_COLUMNS = 32


@dataclass(frozen=True)
class ImageTable:
    """The images of an index, one a row.

    Attributes:
        folder: of the index.
        paths: within the folder of images, with ``/``, ascending.
        vectors: float32 [N, D], length 1, memory-mapped.
        copies: the rows of each distinct vector, which is what faiss's index holds.
    """

    folder: Path
    paths: list[str]
    vectors: np.ndarray
    copies: Copies
    _table: pq.ParquetFile

    @cached_property
    def digests(self) -> list[str]:
        """SHA-256 of the files.

        Raises:
            UserError: the column is damaged.
        """
        with _reading(self.folder, "images.parquet"):
            return _texts(self._table, "sha256", _DIGEST)

    @cached_property
    def looks(self) -> np.ndarray:
        """Size, times and inode of each file as ``LOOK`` names them, int64 [N, 4]; -1 where format 1 does not say.

        Raises:
            UserError: a column is damaged.
        """
        with _reading(self.folder, "images.parquet"):
            return np.stack([_numbers(self._table, name, -1) for name in LOOK], axis=1)


def read_table(folder: Path, state: IndexState) -> ImageTable:
    """The images and vectors of an index.

    Raises:
        UserError: a file is missing or damaged, or one does not fit the others.
    """
    with open_file(folder, state, "vectors.npy") as file, _reading(folder, "vectors.npy"):
        vectors = _mapped(file, state)
    with open_file(folder, state, "images.parquet") as file, _reading(folder, "images.parquet"):
        table = _opened(file, state.count)
        paths = _texts(table, "path", _LONGEST_PATH)
        _check_paths(paths)
        copies = _copies(_numbers(table, "vector", None))
    return ImageTable(folder, paths, vectors, copies, table)


def _reading(folder: Path, name: str) -> AbstractContextManager[None]:
    return reading(folder / name, f"Delete {folder}/index.json and run 'hardmine index' again.")


def _mapped(file: BinaryIO, state: IndexState) -> np.ndarray:
    """The vectors, not read yet."""
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, by_columns, dtype = read_header[np.lib.format.read_magic(file)](file)
    expected = (state.count, state.model.dimensions)
    if shape != expected or by_columns or dtype != np.dtype("<f4"):
        raise ValueError(f"holds {dtype} {list(shape)[:4]}; index.json says float32 {list(expected)}")
    start = file.tell()
    if os.fstat(file.fileno()).st_size != start + state.count * state.model.dimensions * 4:
        raise ValueError("has another size than its head says")
    return np.memmap(file, np.float32, "r", start, expected)


def _opened(file: BinaryIO, count: int) -> pq.ParquetFile:
    """The table of so many rows, of which nothing is read yet but what it says of itself."""
    content = np.memmap(file, np.uint8, "r")
    table = pq.ParquetFile(pa.BufferReader(content), read_dictionary=["path", "sha256"])
    found = table.metadata
    if found.num_rows != count:
        raise ValueError(f"has {found.num_rows} rows; index.json says {count}")
    if count > len(content):
        raise ValueError("has more rows than bytes")
    if found.num_row_groups > 1 + count // _GROUP:
        raise ValueError("has more groups of rows than an index")
    if found.num_columns > _COLUMNS or len(table.schema_arrow) != found.num_columns:
        raise ValueError("has other columns than an index")
    for group in range(found.num_row_groups):
        for column in range(found.num_columns):
            if found.row_group(group).column(column).compression not in ("SNAPPY", "UNCOMPRESSED"):
                raise ValueError("is compressed otherwise than an index")
    return table


def _texts(table: pq.ParquetFile, name: str, most: int) -> list[str]:
    """A column of texts of ``most`` bytes at most; equal ones are in memory once, however often they occur."""
    found: list[str] = []
    for part in table.read(columns=[name]).column(0).chunks:
        if part.null_count or not _is_text(part.type):
            raise ValueError(f"the column {name} holds other things than texts")
        if _longest(part.dictionary) > most:
            raise ValueError(f"the column {name} has a text of more than {most:,} bytes")
        texts, rows = part.dictionary.to_pylist(), part.indices.to_numpy()
        if np.array_equal(rows, np.arange(len(texts))):
            found += texts
        elif rows.min(initial=0) < 0:
            raise ValueError(f"the column {name} is not whole")
        else:
            found += map(texts.__getitem__, rows.tolist())
    return found


def _longest(texts: pa.Array) -> int:
    """Bytes of the longest text."""
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    ends = np.frombuffer(texts.buffers()[1], width)[texts.offset : texts.offset + len(texts) + 1]
    return int(np.diff(ends).max(initial=0))


def _check_paths(paths: list[str]) -> None:
    """Refuse paths that are absolute, empty or not in their simplest form, that leave the folder or do not ascend."""
    if not all(map(operator.lt, paths, islice(paths, 1, None))):
        raise ValueError("its paths do not ascend")
    joined = "/\0/".join(["", *paths, ""])
    letters = np.frombuffer(joined.encode(), np.uint8)
    slash, dot = letters == ord("/"), letters == ord(".")
    outside = bool((slash[:-1] & slash[1:]).any()) or np.count_nonzero(letters == 0) != len(paths) + 1
    if not outside and bool((dot[:-1] & slash[1:]).any()):
        outside = "/./" in joined or "/../" in joined
    if outside:
        raise ValueError("a path is not one inside the folder of images")


def _is_text(kind: pa.DataType) -> bool:
    if not pa.types.is_dictionary(kind):
        return False
    return pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)


def _numbers(table: pq.ParquetFile, name: str, missing: int | None) -> np.ndarray:
    """A column of whole numbers; of an index of format 1, without it, ``missing``, or if None the row's own number."""
    count = table.metadata.num_rows
    if name not in table.schema_arrow.names:
        return np.arange(count) if missing is None else np.full(count, missing)
    if table.schema_arrow.field(name).type != pa.int64():
        raise ValueError(f"the column {name} holds other things than whole numbers")
    column = table.read(columns=[name]).column(0)
    if column.null_count or len(column) != count:
        raise ValueError(f"the column {name} has gaps")
    return column.to_numpy()


def _copies(numbers: np.ndarray) -> Copies:
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() < len(numbers)):
        raise ValueError("the column vector names vectors that cannot be")
    copies = Copies.of(numbers)
    if not copies.counts.all():
        raise ValueError("the column vector leaves vectors out")
    return copies
