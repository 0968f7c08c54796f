"""Files of MATLAB: whether what they claim fits what they hold, before they are read."""

import math
import struct
import zlib

__all__ = ["require_sane"]

_COMPRESSED, _MATRIX = 15, 14
_CELL, _STRUCT, _CHAR, _NUMBERS = 1, 2, 4, range(6, 16)
"""Classes of arrays that lists are made of."""
MOST = 2**26
"""Most bytes that the elements of a file may have, unpacked."""
_DEPTH = 8


def require_sane(content: bytes) -> None:
    """Check a file of MATLAB 5 to 7: no array has more elements than bytes, none is of a kind that no list has.

    Raises:
        ValueError: it claims more than it holds, is of another version, or is damaged.
    """
    try:
        _check_file(content)
    except (struct.error, zlib.error) as error:
        raise ValueError(str(error)) from None


def _check_file(content: bytes) -> None:
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or struct.unpack_from(f"{order}H", content, 124)[0] != 0x0100:
        raise ValueError("no file of MATLAB 5 to 7")
    left = MOST
    for kind, element in _elements(content[128:], order):
        if kind == _COMPRESSED:
            element = _unpacked(element, left)
            ((kind, inner),) = _elements(element, order)
        else:
            inner = element
        left -= len(element)
        if left < 0:
            raise ValueError(f"more than {MOST:,} bytes")
        if kind == _MATRIX:
            _check_array(inner, order, _DEPTH)


def _unpacked(element: bytes, most: int) -> bytes:
    decoder = zlib.decompressobj()
    content = decoder.decompress(element, most + 1)
    if len(content) > most:
        raise ValueError(f"more than {MOST:,} bytes")
    if not decoder.eof:
        raise ValueError("a compressed part that does not end")
    return content


def _elements(content: bytes, order: str) -> list[tuple[int, bytes]]:
    """Type and content of each element in a row of them."""
    found: list[tuple[int, bytes]] = []
    place = 0
    while place + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}LL", content, place)
        start, room = place + 8, len(content) - place - 8
        place = start + size + (0 if kind == _COMPRESSED else -size % 8)
        if kind >> 16:  # a short element: its size and content stand in the same eight bytes
            kind, size, start, room, place = kind & 0xFFFF, kind >> 16, start - 4, 4, start
        if size > room:
            raise ValueError("an element longer than its place")
        found.append((kind, content[start : start + size]))
    return found


def _check_array(content: bytes, order: str, depth: int) -> None:
    """Check an array and those in it."""
    parts = _elements(content, order)
    if not parts:
        return  # an empty one
    if len(parts) < 3 or len(parts[0][1]) < 8 or depth == 0:
        raise ValueError("a damaged array")
    kind = struct.unpack_from(f"{order}L", parts[0][1])[0] & 0xFF
    edges = struct.unpack(f"{order}{len(parts[1][1]) // 4}l", parts[1][1][: len(parts[1][1]) // 4 * 4])
    if min(edges, default=0) < 0 or math.prod(edges) > len(content):
        raise ValueError(f"an array of {list(edges)} elements in {len(content):,} bytes")
    if kind in (_CELL, _STRUCT):
        for inner, element in parts[3:]:
            if inner == _MATRIX:
                _check_array(element, order, depth - 1)
    elif kind != _CHAR and kind not in _NUMBERS:
        raise ValueError(f"an array of class {kind}, which no list holds")
