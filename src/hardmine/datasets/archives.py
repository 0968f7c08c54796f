"""Reading images and lists straight out of zip files, tar files and folders; nothing is ever extracted to disk."""

import os
from collections.abc import Iterator
from pathlib import Path

from hardmine.artefacts import open_regular
from hardmine.errors import UserError
from hardmine.settings.datasets.own_files import walk

from .members import REMEDY, Archive, check_size, of_macos, read_bounded, refusal, require_writable
from .tar import TarArchive, is_tar
from .zip import ZipArchive

__all__ = ["open_archive"]


def open_archive(path: Path, own: bool = False) -> Archive:
    """Open a zip file, a tar file (plain, gz, bz2, xz) or a folder, told apart by content.

    Args:
        path: the archive or folder.
        own: whether a folder is of the user's own making, so that its links are followed wherever they lead.

    Raises:
        UserError: there is no such file, or it is none of these.
    """
    if path.is_dir():
        return FolderArchive(path, own)
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            start = file.read(512)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}. {REMEDY}") from None
    if start.startswith(b"PK"):
        return ZipArchive(path)
    if is_tar(start):
        return TarArchive(path)
    told = "looks like a web page" if start.lstrip()[:1] == b"<" else f"starts with {start[:8]!r}"
    raise UserError(f"{path}: is neither a zip nor a tar archive ({told}). {REMEDY}")


class FolderArchive(Archive):
    """A folder; its files in sorted order. Links out of it are followed where the user made it, else refused."""

    def __init__(self, path: Path, own: bool = False) -> None:
        super().__init__(path)
        self._own = own
        self._root = os.path.realpath(path)

    def names(self) -> list[str]:
        """Names of all files, sorted."""
        if self._own:
            found = [met.name for met in walk(self.path, everything=True) if not met.why]
        else:
            found = list(self._names_below(self.path, ""))
        require_writable(self.path, found)
        return sorted(found)

    def _names_below(self, folder: Path, prefix: str) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_symlink() and self._leaves(entry.path):
                    raise UserError(
                        f"{self.path}: '{name}' is a link that leaves the folder; none is followed in a "
                        "published data set. Put the files themselves there (cp -rL), or link to the folder as a whole."
                    )
                if entry.is_dir(follow_symlinks=False):
                    yield from self._names_below(Path(entry), f"{name}/")
                elif os.path.isfile(entry) and not of_macos(name.split("/")):
                    yield name

    def _leaves(self, place: str | Path) -> bool:
        return not Path(os.path.realpath(place)).is_relative_to(self._root)

    def _walk(self, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
        for name in sorted(wanted):
            place = self.path / name
            if ".." in name.split("/") or (not self._own and self._leaves(place)):
                raise refusal(self.path, name, "a name or a link that leaves the folder")
            try:
                check_size(self.path, name, place.stat().st_size)
                content = read_bounded(place)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise UserError(f"{place}: cannot be read: {error.strerror}.") from None
            yield name, content
