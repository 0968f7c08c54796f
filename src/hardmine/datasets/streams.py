"""Compressed bytes, given out piece by piece and never more than was asked for; sums are checked at the end."""

import bz2
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

__all__ = ["COMPRESSED", "Unpacked", "content_of"]

_DICTIONARY = 2**29
"""Most bytes of memory that an xz or LZMA stream may ask for."""
_BLOCK = 2**16
_SLACK = 2**16
"""Bytes that a compressed member of a zip file may have beyond nine eighths of what it holds."""


class _Decoder(Protocol):
    """What reads one compressed stream."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Inflater:
    """zlib's decoder in the manner of the others'."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(0, max_length))


COMPRESSED: dict[bytes, Callable[[], _Decoder]] = {
    b"\x1f\x8b": lambda: _Inflater(zlib.MAX_WBITS + 16),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _DICTIONARY),
}
"""The decoder of gzip, bzip2 and xz streams, each under the bytes they start with."""


class Unpacked(io.RawIOBase):
    """The content of a compressed file, from its start to its end; streams one after another are one content.

    What follows the last stream and starts no other is passed over. Reading raises EOFError, OSError, zlib.error or
    LZMAError where a stream is cut off, is damaged or has another sum than it says.
    """

    def __init__(self, file: BinaryIO, start: bytes) -> None:
        self._file, self._start = file, start
        self._next, self._ended = b"", False
        self._decoder = COMPRESSED[start]()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; 0 bytes at the end."""
        room = len(buffer)
        while room and not self._ended:
            if self._decoder.eof:
                self._go_on()
                continue
            hungry = self._decoder.needs_input
            given = (self._next or self._file.read(_BLOCK)) if hungry else b""
            self._next = b"" if hungry else self._next
            content = self._decoder.decompress(given, room)
            if content:
                buffer[: len(content)] = content
                return len(content)
            if hungry and not given and not self._decoder.eof:
                raise EOFError("it ends before the end of its compressed stream")
        return 0

    def _go_on(self) -> None:
        """Begin the stream that follows, zeros aside, if there is one."""
        rest = self._decoder.unused_data.lstrip(b"\0")
        while len(rest) < len(self._start) and (more := self._file.read(_BLOCK)):
            rest = (rest + more).lstrip(b"\0")
        self._next, self._ended = rest, not rest.startswith(self._start)
        self._decoder = COMPRESSED[self._start]()


def content_of(file: BinaryIO, info: zipfile.ZipInfo) -> bytes:
    """The content of a member of a zip file: as long as its directory says, with the sum that it says.

    Args:
        file: the zip file; its position moves.
        info: the member, whose ``file_size`` has been found to be sane.

    Raises:
        zipfile.BadZipFile: the member is cut off, longer or shorter than declared, or has another sum.
        NotImplementedError: it is compressed by another method than deflate, bzip2 and LZMA.
        EOFError, OSError, ValueError, zlib.error, lzma.LZMAError: it is damaged.
    """
    size = info.file_size
    file.seek(info.header_offset)
    head = file.read(30)
    if len(head) < 30 or not head.startswith(b"PK\3\4"):
        raise zipfile.BadZipFile("no member where one should be")
    file.seek(sum(struct.unpack_from("<HH", head, 26)), io.SEEK_CUR)
    if info.compress_size > size * 9 // 8 + _SLACK:
        raise zipfile.BadZipFile(f"{info.compress_size:,} bytes compressed for {size:,}")
    raw = file.read(info.compress_size)
    if len(raw) < info.compress_size:
        raise EOFError(f"{len(raw):,} of {info.compress_size:,} bytes")
    content = raw if info.compress_type == zipfile.ZIP_STORED else _expanded(raw, info.compress_type, size)
    if len(content) != size:
        raise zipfile.BadZipFile(f"{'more' if len(content) > size else 'less'} than the {size:,} bytes declared")
    if zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile("another sum than declared")
    return content


def _expanded(raw: bytes, method: int, size: int) -> bytes:
    """What a member's bytes hold, up to one byte more than ``size``."""
    decoder: _Decoder
    if method == zipfile.ZIP_DEFLATED:
        decoder = _Inflater(-zlib.MAX_WBITS)
    elif method == zipfile.ZIP_BZIP2:
        decoder = bz2.BZ2Decompressor()
    elif method == zipfile.ZIP_LZMA:
        decoder, raw = _of_lzma(raw)
    else:
        raise NotImplementedError(f"compression method {method} is not read; pack it again with deflate")
    return decoder.decompress(raw, size + 1)


def _of_lzma(raw: bytes) -> tuple[_Decoder, bytes]:
    """The decoder that a member's head asks for, and what follows the head."""
    if len(raw) < 9 or struct.unpack_from("<H", raw, 2)[0] != 5:
        raise EOFError("no head of LZMA")
    bits, dictionary = struct.unpack_from("<BL", raw, 4)
    if dictionary > _DICTIONARY:
        raise ValueError(f"LZMA that needs {dictionary:,} bytes of memory")
    options = {"lc": bits % 9, "lp": bits // 9 % 5, "pb": bits // 45, "dict_size": dictionary}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **options}]), raw[9:]
