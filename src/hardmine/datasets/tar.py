"""Tar files as a stream: 1 GB of images passes through the memory of one."""

import io
import os
import re
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from hardmine.artefacts import open_regular

from .members import MEMBER_LIMIT, Archive, check_size, checked_name, expansion_allowed, refusal
from .streams import COMPRESSED, Unpacked

__all__ = ["TarArchive", "is_tar"]

HEADER_LIMIT = 2**20
"""Most bytes of all headers of one member."""
_GLOBAL_LIMIT = 1000
"""Most entries that hold for all members that follow."""
_DIGITS = 100
"""Most digits in a row in an extended header: before 3.11.10 Python's reader takes the square of it in time."""
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_BLOCK = 2**18


def is_tar(start: bytes) -> bool:
    """Whether the first 512 bytes are those of a tar file, compressed or not."""
    return start.startswith(tuple(COMPRESSED)) or start[257:262] == b"ustar"


class TarArchive(Archive):
    """A tar file; every pass reads it from its start, and one that reaches the end checks the sums on the way."""

    def names(self) -> list[str]:
        """Names of all files in the order of the archive."""
        found: dict[str, None] = {}
        for name, _ in self._members():
            if name in found:
                raise refusal(self.path, name, "held twice")
            found[name] = None
        return list(found)

    def _walk(self, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
        for name, file in self._members():
            if name not in wanted:
                continue
            with self._faults(name):
                content = file.read()
            wanted.discard(name)
            yield name, content
            if not wanted:
                return

    def _members(self) -> Iterator[tuple[str, "_Member"]]:
        """Every file of the archive, checked; its content can be read until the next is asked for."""
        with self._faults(), os.fdopen(open_regular(self.path), "rb") as raw:
            allowed = expansion_allowed(self.path)
            stream = _Forward(raw)
            with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r:") as tar:
                total = 0
                for member in tar:
                    tar.members = []  # type: ignore[attr-defined]  # tarfile would keep every header
                    total += max(0, member.size)
                    if max(total, stream.tell()) > allowed or len(tar.pax_headers) > _GLOBAL_LIMIT:
                        raise refusal(self.path, member.name, "one of too many for an archive of this size (a bomb)")
                    name = self._checked(member)
                    if name is not None:
                        yield name, _Member(tar, member, stream)
                    stream.headers = HEADER_LIMIT
            if stream.last_header.strip(b"\0"):
                raise tarfile.ReadError("a damaged header")
            stream.finish(allowed)

    def _checked(self, member: tarfile.TarInfo) -> str | None:
        """The name of a file; None for a folder and for what macOS adds."""
        if member.isdir() and member.name in (".", "./"):
            return None
        name = checked_name(self.path, member.name)
        if member.isdir():
            return None
        if member.type not in _FILES:
            raise refusal(self.path, member.name, "a link or a device")
        if member.size < 0:
            raise tarfile.ReadError(f"a member of {member.size:,} bytes")
        check_size(self.path, member.name, member.size)
        return name


class _Member:
    """A file of an archive whose turn it is."""

    def __init__(self, tar: tarfile.TarFile, member: tarfile.TarInfo, stream: "_Forward") -> None:
        self._tar, self._member, self._stream = tar, member, stream

    def read(self) -> bytes:
        """Its content."""
        self._stream.headers = None
        file = self._tar.extractfile(self._member)
        content = file.read(self._member.size) if file else b""
        if len(content) != self._member.size:
            raise EOFError(f"{len(content):,} of {self._member.size:,} bytes")
        return content


class _Forward:
    """A tar file for tarfile, unpacked, that only goes forward and whose headers are sane before tarfile sees them.

    Attributes:
        headers: bytes that the headers up to the next member may still have; None while a content is read.
        last_header: the last block read of 512 bytes; zeros or nothing at the end of an undamaged archive.
    """

    def __init__(self, raw: BinaryIO) -> None:
        start = raw.read(8)
        raw.seek(0)
        kind = next((known for known in COMPRESSED if start.startswith(known)), None)
        self._packed = kind is not None
        self._file = cast(BinaryIO, io.BufferedReader(Unpacked(raw, kind), _BLOCK)) if kind else raw
        self._place = 0
        self.headers: int | None = HEADER_LIMIT
        self.last_header = b""

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes."""
        if not 0 <= size <= MEMBER_LIMIT:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        if self.headers is not None:
            self.headers -= size
            if self.headers < 0:
                raise tarfile.ReadError(f"a header of {size:,} bytes")
        content = self._file.read(size)
        self._place += len(content)
        if self.headers is not None and size > tarfile.BLOCKSIZE and self.last_header[156:157] in _EXTENDED:
            _require_records(content)
        if size == tarfile.BLOCKSIZE:
            self.last_header = content
        return content

    def seek(self, position: int) -> int:
        """Move to a position further on, or to the end where that is nearer."""
        if position < self._place:
            raise tarfile.ReadError("a header that leads back")
        if not self._packed:
            self._place = self._file.seek(position)
            return self._place
        while self._place < position and (content := self._file.read(min(_BLOCK, position - self._place))):
            self._place += len(content)
        return self._place

    def tell(self) -> int:
        """Position in bytes after decompression."""
        return self._place

    def finish(self, allowed: int) -> None:
        """Read compressed streams to their ends, where their sums are.

        Raises:
            tarfile.ReadError: more than ``allowed`` bytes come.
        """
        while self._packed and (content := self._file.read(_BLOCK)):
            self._place += len(content)
            if self._place > allowed:
                raise tarfile.ReadError("far too many bytes after its end (a bomb)")


def _require_records(content: bytes) -> None:
    """Check that an extended header is what it should be: records ``length key=value`` one after another.

    Raises:
        tarfile.ReadError: it is not.
    """
    place = 0
    while place < len(content) and content[place]:
        space = content.find(b" ", place, place + 20)
        length = content[place:space] if space > 0 else b""
        end = place + int(length) if length.isdigit() else 0
        if not space < end <= len(content) or content[end - 1] != ord("\n") or content.find(b"=", space, end) < 0:
            raise tarfile.ReadError("a damaged extended header")
        place = end
    if max(map(len, re.findall(rb"[0-9]+", content)), default=0) > _DIGITS:
        raise tarfile.ReadError("an extended header of endless digits")
