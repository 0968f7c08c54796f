"""What an archive is, and which members no data set holds."""

import os
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hardmine.artefacts import read_regular
from hardmine.errors import UserError
from hardmine.settings.datasets.own_files import listed_names

__all__ = [
    "MEMBER_LIMIT",
    "REMEDY",
    "Archive",
    "check_size",
    "checked_name",
    "expansion_allowed",
    "missing",
    "of_macos",
    "read_bounded",
    "refusal",
    "require_writable",
    "written_plainly",
]

MEMBER_LIMIT = 256 * 2**20
"""Most bytes of one member."""
EXPANSION_LIMIT = 100
"""Most bytes of all members together for each byte of the archive, beyond ``EXPANSION_FLOOR``."""
EXPANSION_FLOOR = 2**30
"""Bytes that any archive may hold, however small it is."""

_UNWRITABLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, of bytes that are no UTF-8, of line and paragraph ends."""
_NAMED = 20

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

    @contextmanager
    def _faults(self, name: str = "") -> Iterator[None]:
        """Whatever a reader of altered bytes raises is one sentence that names the archive and the member."""
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # altered and hostile bytes lead readers to anything
            place = f" at '{name}'" if name else ""
            reason = str(error) or type(error).__name__
            raise UserError(f"{self.path}: truncated or altered{place} ({reason}). {REMEDY}") from None

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


def checked_name(path: Path, name: str) -> str | None:
    """The name of a member as ``names`` gives it; None for what macOS adds.

    Raises:
        UserError: the name is absolute or leaves the folder.
    """
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in parts or "\0" in name or not parts:
        raise refusal(path, name, "a name that leaves the folder")
    return None if of_macos(parts) else "/".join(parts)


def of_macos(parts: list[str]) -> bool:
    """Whether a name's parts are of an entry that macOS adds."""
    return "__MACOSX" in parts or parts[-1] == ".DS_Store" or parts[-1].startswith("._")


def require_writable(path: Path, names: Iterable[str]) -> None:
    """Check that names of files can stand in a list and on a terminal.

    Raises:
        UserError: some hold control characters, line ends or bytes that are not UTF-8; they are named together.
    """
    bad = [name for name in names if not written_plainly(name)]
    if bad:
        raise UserError(
            f"{path}: {len(bad):,} file name{'s' * (len(bad) > 1)} cannot be printed, with control characters, line "
            f"ends or bytes that are not UTF-8: {listed_names(bad, _NAMED)}. Rename them."
        )


def written_plainly(name: str) -> bool:
    """Whether a name has neither control characters nor line ends nor bytes that are not UTF-8."""
    return name.isprintable() or not _UNWRITABLE & {*map(unicodedata.category, name)}


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


def read_bounded(path: Path, most: int = MEMBER_LIMIT) -> bytes:
    """As ``read_regular``, taking no more memory than the file has bytes.

    Raises:
        OSError: it cannot be read.
        UserError: it is no regular file, or larger than ``most``.
    """
    size = os.stat(path).st_size
    if size > most:
        raise UserError(f"{path}: is larger than {most:,} bytes, the most that such a file may have.")
    return read_regular(path, size or most)


def expansion_allowed(path: Path) -> int:
    """Bytes that the members of an archive may have together."""
    return max(EXPANSION_FLOOR, EXPANSION_LIMIT * path.stat().st_size)
