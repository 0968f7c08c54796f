"""Tar files as a stream: 1 GB of images passes through the memory of one."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from hardmine.errors import UserError

from .members import MEMBER_LIMIT, REMEDY, Archive, check_size, checked_name, expansion_allowed, refusal

__all__ = ["TarArchive", "is_tar"]

_MAGIC: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)


def is_tar(start: bytes) -> bool:
    """Whether the first 512 bytes are those of a tar file, compressed or not."""
    return start.startswith(tuple(_MAGIC)) or start[257:262] == b"ustar"


class TarArchive(Archive):
    """A tar file; every pass reads it from its start."""

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
        with open(self.path, "rb") as raw:
            start = raw.read(8)
        openers: list[Callable[..., Any]] = [opener for magic, opener in _MAGIC.items() if start.startswith(magic)]
        opener = openers[0] if openers else open
        with self._faults(), cast(BinaryIO, opener(self.path, "rb")) as file:
            stream = _Bounded(file)
            with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r:") as tar:
                for member in tar:
                    tar.members = []  # type: ignore[attr-defined]  # tarfile would keep every header
                    if stream.tell() > expansion_allowed(self.path):
                        raise refusal(self.path, member.name, "one of too many for an archive of this size (a bomb)")
                    if member.isdir() and member.name in (".", "./"):
                        continue
                    name = checked_name(self.path, member.name)
                    if member.isdir():
                        continue
                    if member.type not in _FILES:
                        raise refusal(self.path, member.name, "a link or a device")
                    check_size(self.path, member.name, member.size)
                    if name is not None:
                        yield name, _Member(tar, member)
            if stream.last_header.strip(b"\0"):
                raise tarfile.ReadError("a damaged header")

    @contextmanager
    def _faults(self, name: str = "") -> Iterator[None]:
        try:
            yield
        except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RecursionError) as error:
            place = f" at '{name}'" if name else ""
            raise UserError(f"{self.path}: truncated or altered{place} ({error}). {REMEDY}") from None


class _Member:
    """A file of an archive whose turn it is."""

    def __init__(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self._tar = tar
        self._member = member

    def read(self) -> bytes:
        """Its content."""
        file = self._tar.extractfile(self._member)
        content = file.read() if file else b""
        if len(content) != self._member.size:
            raise EOFError(f"{len(content):,} of {self._member.size:,} bytes")
        return content


class _Bounded:
    """A stream for tarfile that refuses single reads over the limit: a header may claim a name of many gigabytes.

    Attributes:
        last_header: the last block read of 512 bytes; zeros or nothing at the end of an undamaged archive.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.last_header = b""

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes."""
        if not 0 <= size <= MEMBER_LIMIT:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        content = self._file.read(size)
        if size == tarfile.BLOCKSIZE:
            self.last_header = content
        return content

    def seek(self, position: int) -> int:
        """Move to a position; only ever forward."""
        return self._file.seek(position)

    def tell(self) -> int:
        """Position in bytes after decompression."""
        return self._file.tell()
