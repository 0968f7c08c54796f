"""Reading images and lists straight out of zip files, tar files and folders; nothing is ever extracted to disk."""

import os
import re
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hardmine.errors import UserError

__all__ = ["MEMBER_LIMIT", "Archive", "open_archive"]

MEMBER_LIMIT = 256 * 2**20
"""Most bytes of one member."""
EXPANSION_LIMIT = 100
"""Most bytes of all members together for each byte of the archive, beyond ``EXPANSION_FLOOR``."""
EXPANSION_FLOOR = 2**30
"""Bytes that any archive may hold, however small it is."""

REMEDY = "Replace it by a complete copy (docs/datasets.md says where to get it), then run the same command again."


class Archive(ABC):
    """Files under relative names with ``/`` between their parts. Entries that macOS adds are passed over.

    Attributes:
        path: the archive or folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        return None

    @abstractmethod
    def names(self) -> list[str]:
        """Names of all files, in the order of ``iterate``; every entry of the archive is checked.

        Raises:
            UserError: the archive is truncated or altered, or holds what no data set holds: a name that leaves the
                folder, a link, a device, a file over ``MEMBER_LIMIT``, far more bytes than fit its size.
        """

    @abstractmethod
    def _walk(self, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
        """Name and content of wanted members in the archive's order; may stop early once ``wanted`` is empty."""

    def read(self, name: str) -> bytes:
        """Content of one file; for lists.

        Raises:
            UserError: as ``iterate``.
        """
        return next(content for _, content in self.iterate([name]))

    def iterate(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Name and content of the given files, each once, in the archive's own order, one at a time in memory.

        Raises:
            UserError: as ``names``, or a file is missing, which shows when the others have been given out.
        """
        wanted = set(names)
        for name, content in self._walk(set(wanted)):
            if name in wanted:
                wanted.discard(name)
                yield name, content
        if wanted:
            raise missing(self.path, wanted)

    def require(self, names: Iterable[str], source: str) -> None:
        """Check that files are there.

        Raises:
            UserError: some are not; the message names ``source``, which lists them.
        """
        absent = set(names).difference(self.names())
        if absent:
            raise missing(self.path, absent, source)


def missing(path: Path, names: set[str], source: str = "") -> UserError:
    """The error for files that should be in ``path``."""
    listed = f" listed in {source}" if source else ""
    more = f" and {len(names) - 1:,} more files" if len(names) > 1 else ""
    return UserError(f"{path}: {min(names)}{more}{listed} missing. {REMEDY}")


def open_archive(path: Path) -> Archive:
    """Open a zip file, a tar file (plain, gz, bz2, xz) or a folder, told apart by content.

    Raises:
        UserError: there is no such file, or it is none of these.
    """
    from .tar import TarArchive, is_tar

    if path.is_dir():
        return FolderArchive(path)
    try:
        with open(path, "rb") as file:
            start = file.read(512)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}. {REMEDY}") from None
    if start.startswith(b"PK"):
        return ZipArchive(path)
    if is_tar(start):
        return TarArchive(path)
    told = "looks like a web page" if start.lstrip()[:1] == b"<" else f"starts with {start[:8]!r}"
    raise UserError(f"{path}: is neither a zip nor a tar archive ({told}). {REMEDY}")


def checked_name(path: Path, name: str) -> str | None:
    """The name of a member as ``names`` gives it; None for what macOS adds.

    Raises:
        UserError: the name is absolute or leaves the folder.
    """
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in parts or "\0" in name or not parts:
        raise refusal(path, name, "a name that leaves the folder")
    return None if _of_macos(parts) else "/".join(parts)


def _of_macos(parts: list[str]) -> bool:
    return "__MACOSX" in parts or parts[-1] == ".DS_Store" or parts[-1].startswith("._")


def refusal(path: Path, name: str, what: str) -> UserError:
    """The error for a member that no data set holds."""
    return UserError(f"{path}: '{name}' is {what}; such an archive is refused. {REMEDY}")


def check_size(path: Path, name: str, size: int) -> None:
    """Refuse a member over the limit.

    Raises:
        UserError: it is.
    """
    if size > MEMBER_LIMIT:
        raise refusal(path, name, f"{size:,} bytes long, over the limit of {MEMBER_LIMIT:,}")


def expansion_allowed(path: Path) -> int:
    """Bytes that the members of an archive may have together."""
    return max(EXPANSION_FLOOR, EXPANSION_LIMIT * path.stat().st_size)


class FolderArchive(Archive):
    """A folder; its files in sorted order."""

    def names(self) -> list[str]:
        """Names of all files, sorted."""
        return sorted(self._names_below(self.path, "", self.path.resolve()))

    def _names_below(self, folder: Path, prefix: str, root: Path) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_symlink() and not Path(entry).resolve().is_relative_to(root):
                    raise refusal(self.path, name, "a link that leaves the folder")
                if not name.isprintable():
                    raise UserError(f"{self.path}: the file name {name!r} cannot be printed. Rename it.")
                if entry.is_dir(follow_symlinks=False):
                    yield from self._names_below(Path(entry), f"{name}/", root)
                elif entry.is_file() and not _of_macos(name.split("/")):
                    yield name

    def _walk(self, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
        root = self.path.resolve()
        for name in sorted(wanted):
            place = self.path / name
            if not place.resolve().is_relative_to(root):
                raise refusal(self.path, name, "a name or a link that leaves the folder")
            try:
                check_size(self.path, name, place.stat().st_size)
                yield name, place.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise UserError(f"{place}: cannot be read: {error.strerror}.") from None


class ZipArchive(Archive):
    """A zip file; members are read where they lie."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._faults():
            self._zip = zipfile.ZipFile(path)
        self._members = self._checked()

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def names(self) -> list[str]:
        """Names of all files, in the order in which they lie in the archive."""
        return list(self._members)

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for info in sorted(self._zip.infolist(), key=lambda info: info.header_offset):
            name = checked_name(self.path, info.filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refusal(self.path, info.filename, "a link or a device")
            if info.flag_bits & 1:
                raise UserError(f"{self.path}: '{info.filename}' is encrypted. Put a copy without password there.")
            check_size(self.path, info.filename, info.file_size)
            total += info.file_size
            if total > expansion_allowed(self.path):
                raise refusal(self.path, info.filename, "one of too many for an archive of this size (a bomb)")
            if info.is_dir() or name is None:
                continue
            if name in members:
                raise refusal(self.path, name, "held twice")
            members[name] = info
        return members

    def _walk(self, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
        for name, info in self._members.items():
            if name in wanted:
                with self._faults(name):
                    content = self._zip.read(info)
                yield name, content

    @contextmanager
    def _faults(self, name: str = "") -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
            place = f" at '{name}'" if name else ""
            raise UserError(f"{self.path}: truncated or altered{place} ({error}). {REMEDY}") from None
