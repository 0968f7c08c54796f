"""Files of an index: which are gone, not as they were indexed, or in another folder now."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from hardmine.images.decode import UnreadableError, read_picture

from .index import ImageIndex
from .state import IndexState
from .table import ImageTable

__all__ = ["Look", "altered", "as_indexed", "found_again", "look_of", "unchanged"]

Look = tuple[int, int, int, int]
"""Of a file, see ``hardmine.search.table.LOOK``."""
_UNSURE_NS = 2_000_000_000
"""A file changed less than this before the folder was read may change again without its time showing it."""
_BLOCK = 256


def look_of(path: Path) -> Look:
    """Size, times and inode of a file.

    Raises:
        OSError: it is not there, or out of reach.
    """
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def unchanged(files: dict[str, Look], table: ImageTable, state: IndexState) -> dict[str, int]:
    """The row of each file that looks as it did when it was indexed; not of those whose times cannot tell."""
    _, changed, moved, _ = table.looks.T
    looks = table.looks.tolist()
    sure = np.maximum(changed, moved) < state.scanned_ns - _UNSURE_NS
    rows = {table.paths[row]: row for row in np.flatnonzero(sure).tolist()}
    shared = ((name, rows[name], look) for name, look in files.items() if name in rows)
    return {name: row for name, row, look in shared if list(look) == looks[row]}


def as_indexed(path: Path, digest: str) -> bytes:
    """The content of an indexed file.

    Raises:
        UnreadableError: it is gone, cannot be read, or has another SHA-256; the text does not name it.
    """
    data = read_picture(path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise UnreadableError("changed since it was indexed")
    return data


def altered(
    index: ImageIndex, rows: list[int], threads: int, report: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, str]:
    """The images that are gone or have another content than when they were indexed, with the reason.

    Files whose size, times and inode are as they were are not read.

    Args:
        index: the index.
        rows: its images that count.
        threads: of reading.
        report: told how many of all are done.

    Raises:
        UserError: the index is damaged.
    """
    images, table = Path(index.state.images), index.table
    files: dict[str, Look] = {}
    for row in rows:
        try:
            files[table.paths[row]] = look_of(images / table.paths[row])
        except OSError:  # reading it says why
            continue
    same = unchanged(files, table, index.state)
    doubtful = [row for row in rows if table.paths[row] not in same]
    digests = table.digests

    def why(row: int) -> str:
        try:
            as_indexed(images / table.paths[row], digests[row])
        except UnreadableError as fault:
            return str(fault)
        return ""

    found: dict[str, str] = {}
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(doubtful), _BLOCK):
            part = doubtful[start : start + _BLOCK]
            found |= {table.paths[row]: met for row, met in zip(part, pool.map(why, part), strict=True) if met}
            report(len(rows) - len(doubtful) + start + len(part), len(rows))
    return found


def found_again(images: Path, files: dict[str, Look], kept: dict[str, int], table: ImageTable, enough: int) -> int:
    """How many images of an index lie in another folder, under whatever name; counted up to ``enough``.

    Args:
        images: the folder.
        files: its images; those of a size that no indexed one had are not read.
        kept: of them, those that look as they did when they were indexed, with their rows.
        table: the images of the index.
        enough: no file is read once so many are found.

    Raises:
        UserError: the index is damaged.
    """
    copies, sizes = Counter(table.digests), set(table.looks[:, 0].tolist())
    met = {table.digests[row] for row in kept.values()}
    found = sum(copies[digest] for digest in met)
    for name, (size, *_) in files.items():
        if found >= enough:
            break
        if name in kept or size not in sizes:
            continue
        try:
            digest = hashlib.sha256(read_picture(images / name)).hexdigest()
        except UnreadableError:
            continue
        if digest not in met:
            met.add(digest)
            found += copies[digest]
    return found
