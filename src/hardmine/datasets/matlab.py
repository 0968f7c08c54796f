"""Lists in files of MATLAB 5 to 7: arrays of structures, read without more memory than their bytes take.

scipy's reader dies of a segmentation fault of some damaged files; lists of data sets need little of it.
"""

import struct
import zlib

__all__ = ["structures_in"]

MOST = 2**25
"""Most bytes that the elements of a file may have, unpacked."""
_FIELDS = 1000
"""Most fields of a structure."""
_COMPRESSED, _MATRIX = 15, 14
_STRUCT, _CHAR = 2, 4
_NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
"""How the numbers of each type are packed."""
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
"""How the characters of each type are encoded; without a byte order mark."""
Value = str | int | float | None


def structures_in(content: bytes, variable: str) -> list[dict[str, Value]]:
    """The structures of an array, first to last, with the text or the first number that each of their fields holds.

    Args:
        content: the file.
        variable: name of the array.

    Raises:
        ValueError: the file is of another version, is damaged or holds no such array.
    """
    try:
        return _structures(content, variable)
    except (struct.error, zlib.error) as error:
        raise ValueError(str(error)) from None


def _structures(content: bytes, variable: str) -> list[dict[str, Value]]:
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or struct.unpack_from(f"{order}H", content, 124)[0] != 0x0100:
        raise ValueError("no file of MATLAB 5 to 7")
    left = MOST
    for kind, element in _elements(content[128:], order):
        if kind == _COMPRESSED:
            element = _unpacked(element, left)
            ((kind, array),) = _elements(element, order)
        else:
            array = element
        left -= len(element)
        if left < 0:
            raise ValueError(f"more than {MOST:,} bytes")
        parts = _elements(array, order) if kind == _MATRIX else []
        if len(parts) > 3 and _class_of(parts, order) == _STRUCT and parts[2][1] == variable.encode():
            return _rows(parts, order)
    raise ValueError(f"no structures {variable}")


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


def _class_of(parts: list[tuple[int, bytes]], order: str) -> int:
    """The class of an array, from its flags."""
    flags: int = struct.unpack_from(f"{order}L", parts[0][1])[0]
    return flags & 0xFF


def _rows(parts: list[tuple[int, bytes]], order: str) -> list[dict[str, Value]]:
    """An array of structures: flags, edges, name, length of the fields' names, these names, and then the values."""
    width: int = struct.unpack_from(f"{order}l", parts[3][1])[0]
    names = parts[4][1] if len(parts) > 4 and width > 0 else b""
    if len(names) > _FIELDS * max(1, width):
        raise ValueError(f"more than {_FIELDS:,} fields")
    fields = [names[start : start + width].split(b"\0")[0].decode() for start in range(0, len(names), width or 1)]
    values = [_value(content, order) for kind, content in parts[5:] if kind == _MATRIX]
    if not fields or not values or len(values) % len(fields):
        raise ValueError(f"{len(values):,} values for {len(fields)} fields")
    starts = range(0, len(values), len(fields))
    return [dict(zip(fields, values[start : start + len(fields)], strict=True)) for start in starts]


def _value(content: bytes, order: str) -> Value:
    """The text or the first number of an array; None of one that is empty or holds neither."""
    parts = _elements(content, order)
    if len(parts) < 4:
        return None
    kind, data = parts[3]
    if _class_of(parts, order) == _CHAR and kind in _TEXTS:
        wide = _TEXTS[kind] == "utf-16"
        return data.decode(f"utf-16-{'le' if order == '<' else 'be'}" if wide else _TEXTS[kind])
    code = _NUMBERS.get(kind)
    if code is None or len(data) < struct.calcsize(f"={code}"):
        return None
    number: int | float = struct.unpack_from(f"{order}{code}", data)[0]
    return number
