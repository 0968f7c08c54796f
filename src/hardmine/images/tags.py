"""The directory of tags in a TIFF file or an EXIF block: what it claims, before a decoder takes memory for it."""

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

__all__ = ["refuse_repeated_tags"]

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of one value of each type."""
_NUMBERS = 2**24
"""Most bytes of all values that are longer than a byte; each becomes an object of Python."""
_SHARED = 2**16
"""Bytes that tags may share beyond the length of the whole."""
_BELOW = (34665, 34853, 40965)
"""Tags that name the directory of EXIF, of GPS, and of interoperability, which Pillow reads with the first."""
_DIRECTORIES = 16
"""Most directories that are looked at; Pillow reads four."""
_EDGES = (322, 323)
"""Tags of a tile's width and height."""


def refuse_repeated_tags(block: bytes) -> None:
    """Refuse tags that name the same bytes over and over, millions of numbers or tiles without end; no TIFF, no tags.

    Raises:
        ValueError: the tags of the first directory, and of those of EXIF below it, hold together far more than there
            is, or a tile has more pixels than a picture may have.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 16:
        return
    wide = struct.unpack_from(f"{order}H", block, 2)[0] == 43
    offset = f"{order}Q" if wide else f"{order}L"
    waiting, seen = [int(struct.unpack_from(offset, block, 8 if wide else 4)[0])], set[int]()
    whole = numbers = 0
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        edges = {}
        for tag in _directory(block, place, order, wide):
            size = tag.length * _SIZES.get(tag.kind, 0)
            if size > struct.calcsize(offset) and tag.value + size <= len(block):
                whole += size
                numbers += size if _SIZES[tag.kind] > 1 else 0
            if whole > len(block) + _SHARED or numbers > _NUMBERS:
                raise ValueError("its tags claim more than the file holds")
            if tag.number in _BELOW and len(seen) < _DIRECTORIES:
                waiting.append(tag.value)
            if tag.number in _EDGES:
                edges[tag.number] = tag.value
        if Image.MAX_IMAGE_PIXELS and len(edges) == 2 and math.prod(edges.values()) > Image.MAX_IMAGE_PIXELS:
            raise ValueError(f"has tiles of more than {Image.MAX_IMAGE_PIXELS:,} pixels")


class _Tag(NamedTuple):
    """An entry of a directory; ``value`` is the value itself where it is one number, or the place of the values."""

    number: int
    kind: int
    length: int
    value: int


def _directory(block: bytes, place: int, order: str, wide: bool) -> Iterator[_Tag]:
    """The entries of the directory at a place, as far as the block goes."""
    head, entry = (f"{order}Q", f"{order}HHQ") if wide else (f"{order}H", f"{order}HHL")
    offset = f"{order}Q" if wide else f"{order}L"
    inline = struct.calcsize(offset)
    first, step = place + struct.calcsize(head), struct.calcsize(entry) + inline
    if first > len(block):
        return
    entries = min(struct.unpack_from(head, block, place)[0], (len(block) - first) // step)
    for start in range(first, first + entries * step, step):
        number, kind, count = struct.unpack_from(entry, block, start)
        form = f"{order}H" if kind == 3 and count == 1 else offset
        yield _Tag(number, kind, count, struct.unpack_from(form, block, start + step - inline)[0])
