"""Zip files: members are read where they lie."""

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from hardmine.artefacts import open_regular
from hardmine.errors import UserError

from .members import Archive, check_size, checked_name, expansion_allowed, refusal
from .streams import content_of

__all__ = ["ZipArchive"]


class ZipArchive(Archive):
    """A zip file; every entry is checked when it is opened."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._faults():
            self._file = os.fdopen(open_regular(path), "rb")
            self._members = self._checked(zipfile.ZipFile(self._file).infolist())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def names(self) -> list[str]:
        """Names of all files, in the order in which they lie in the archive."""
        return list(self._members)

    def _checked(self, found: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        total, allowed = 0, expansion_allowed(self.path)
        for info in sorted(found, key=lambda info: info.header_offset):
            name = checked_name(self.path, info.filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refusal(self.path, info.filename, "a link or a device")
            if info.flag_bits & 1:
                raise UserError(f"{self.path}: '{info.filename}' is encrypted. Put a copy without password there.")
            check_size(self.path, info.filename, info.file_size)
            total += info.file_size
            if total > allowed:
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
                    content = content_of(self._file, info)
                yield name, content
