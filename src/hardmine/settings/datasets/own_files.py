"""Which files of a user's folder are its images: one rule for the data set ``folder`` and for an index."""

import heapq
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["SUFFIXES", "Met", "Pictures", "listed_names", "pictures_in", "walk"]

_SUFFIXES = "avif bmp gif jfif jp2 jpe jpeg jpg mpo pbm pgm png pnm ppm tga tif tiff webp"
SUFFIXES = frozenset(f".{ending}" for ending in _SUFFIXES.split())
"""Files with these endings count as images, in capitals too."""

_OF_SERVERS = frozenset(
    {
        *("@eadir", "@__thumb", "@recycle", "@recently-snapshot", "#recycle", "#snapshot"),
        *("$recycle.bin", "system volume information", "lost+found", "__macosx"),
    }
)
"""Folders that file servers and systems keep beside pictures: thumbnails, what was deleted, former states."""

HIDDEN, SERVER, SPECIAL = "hidden", "of a file server or system", "no regular file"
TWICE, AROUND = "read under another name", "leading to a folder around this one"
NOWHERE, CLOSED = "leading nowhere or not to be reached", "not to be opened"
_NAMED = 3


@dataclass(frozen=True)
class Met:
    """What was met in a folder.

    Attributes:
        name: relative, with ``/`` between its parts, and at its end where it is a folder that was not entered.
        look: size in bytes, times of change of the content and of the file in ns, inode; of what a link leads to.
        why: why it is passed over; empty for a file.
    """

    name: str
    look: tuple[int, int, int, int]
    why: str = ""


@dataclass(frozen=True)
class Pictures:
    """The images of a folder.

    Attributes:
        names: relative, with ``/``, sorted; among them links that lead nowhere and files that cannot be reached.
        closed: folders that cannot be opened, with ``/`` at their ends.
        unreached: what leads nowhere or cannot be reached and may be a folder, with ``/`` at its end too.
        passed_over: in words, what else lies there; empty where there is nothing.
    """

    names: list[str]
    closed: list[str]
    unreached: list[str]
    passed_over: str


def walk(folder: Path, everything: bool = False) -> Iterator[Met]:
    """Every file in a folder and the folders in it, in no order.

    Links are followed, but each folder is read once: under its own name where it has one here, else under the first of
    its links.

    Args:
        folder: where to look.
        everything: go into what is hidden or belongs to a file server, too.

    Raises:
        OSError: the folder itself cannot be opened.
    """
    root = os.path.realpath(folder)
    read = {_identity(os.stat(root))}
    folders, links = [""], list[tuple[str, tuple[int, int]]]()
    os.scandir(root).close()
    while folders or links:
        if folders:
            inside = folders.pop()
        else:
            inside, identity = heapq.heappop(links)
            around = root.startswith(os.path.realpath(os.path.join(root, inside)).rstrip("/") + "/")
            if identity in read or around:
                look = _look(os.lstat(os.path.join(root, inside.rstrip("/"))))
                yield Met(inside, look, AROUND if around else TWICE)
                continue
            read.add(identity)
        try:
            entries = os.scandir(os.path.join(root, inside))
        except OSError:
            yield Met(inside, (0, 0, 0, 0), CLOSED)
            continue
        with entries:
            for entry in entries:
                try:
                    met = _met(entry, inside + entry.name, everything)
                except OSError:  # gone meanwhile
                    continue
                if met.why or not met.name.endswith("/"):
                    yield met
                elif entry.is_symlink():
                    heapq.heappush(links, (met.name, _identity(entry.stat())))
                elif _identity(entry.stat()) in read:
                    yield replace(met, why=TWICE)
                else:
                    folders.append(met.name)
                    read.add(_identity(entry.stat()))


def pictures_in(folder: Path) -> Pictures:
    """The images in a folder and the folders in it, and what is passed over.

    Hidden files and folders and those of file servers are left out; links are followed, each folder is read once.

    Raises:
        OSError: the folder cannot be opened.
    """
    names: list[str] = []
    others: dict[str, list[str]] = {}
    endings: Counter[str] = Counter()
    for met in walk(folder):
        ending = os.path.splitext(met.name)[1].lower()
        if ending in SUFFIXES and met.why in ("", NOWHERE):
            names.append(met.name)
        elif met.why:
            others.setdefault(met.why, []).append(met.name)
        else:
            endings[ending or "without any"] += 1
    parts = [f"{len(found):,} {why} ({listed_names(found)})" for why, found in sorted(others.items())]
    if endings:
        counts = ", ".join(f"{count:,} {ending}" for ending, count in sorted(endings.items(), key=_most_first))
        parts.append(f"{endings.total():,} with other endings ({counts})")
    unreached = sorted(f"{name}/" for name in others.get(NOWHERE, ()))
    return Pictures(sorted(names), sorted(others.get(CLOSED, ())), unreached, "; ".join(parts))


def listed_names(names: list[str], most: int = _NAMED) -> str:
    """The first of some names in a sentence, as far as they can be printed."""
    shown = [name if name.isprintable() else ascii(name) for name in sorted(names)[:most]]
    return ", ".join(shown) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _met(entry: os.DirEntry[str], name: str, everything: bool) -> Met:
    """One entry of a folder; the name of a folder ends with ``/``."""
    why = "" if everything else _left_out(entry.name)
    try:
        status = entry.stat()
        is_folder = entry.is_dir()
    except PermissionError:
        return Met(name, (0, 0, 0, 0), why or NOWHERE)
    except OSError:
        return Met(name, _look(entry.stat(follow_symlinks=False)), why or NOWHERE)
    if is_folder:
        return Met(f"{name}/", _look(status), why)
    return Met(name, _look(status), why or ("" if entry.is_file() else SPECIAL))


def _left_out(name: str) -> str:
    if name.startswith("."):
        return HIDDEN
    return SERVER if name.lower() in _OF_SERVERS else ""


def _look(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
