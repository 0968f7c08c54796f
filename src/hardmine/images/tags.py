"""The directory of tags in a TIFF file or an EXIF block: what it claims, before a decoder takes memory for it."""

import struct

__all__ = ["refuse_repeated_tags"]

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of one value of each type."""
_NUMBERS = 2**24
"""Most bytes of all values that are longer than a byte; each becomes an object of Python."""
_SHARED = 2**16
"""Bytes that tags may share beyond the length of the whole."""


def refuse_repeated_tags(block: bytes) -> None:
    """Refuse tags that name the same bytes over and over, or millions of numbers; what is no TIFF has no tags.

    Raises:
        ValueError: the tags of the first directory hold together far more than there is.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 16:
        return
    wide = struct.unpack_from(f"{order}H", block, 2)[0] == 43
    head, entry = (f"{order}Q", f"{order}HHQ") if wide else (f"{order}H", f"{order}HHL")
    offset = f"{order}Q" if wide else f"{order}L"
    inline = struct.calcsize(offset)
    place: int = struct.unpack_from(offset, block, 8 if wide else 4)[0]
    first, step = place + struct.calcsize(head), struct.calcsize(entry) + inline
    if first > len(block):
        return
    count = min(struct.unpack_from(head, block, place)[0], (len(block) - first) // step)
    whole = numbers = 0
    for start in range(first, first + count * step, step):
        _, kind, length = struct.unpack_from(entry, block, start)
        size = length * _SIZES.get(kind, 0)
        if size > inline and struct.unpack_from(offset, block, start + step - inline)[0] + size <= len(block):
            whole += size
            numbers += size if _SIZES[kind] > 1 else 0
        if whole > len(block) + _SHARED or numbers > _NUMBERS:
            raise ValueError("its tags claim more than the file holds")
