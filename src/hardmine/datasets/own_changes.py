"""What has become of the user's own images since they were listed, as far as names and times tell."""

import os
from pathlib import Path

from hardmine.settings.datasets import Folder
from hardmine.settings.datasets.own_files import listed_names, pictures_in

from .manual import read_json

__all__ = ["changed_since_listed"]


def changed_since_listed(raw: Path, settings: Folder) -> str:
    """Which images are gone, new or written to since the download verb listed them; empty where none is.

    Contents are not read: the next run of the workflow decides by them. Where there is no such folder, or no list, any
    more, nothing is said.

    Args:
        raw: the folder with the list, ``files.json``.
        settings: name the folder.

    Raises:
        UserError: the list is damaged.
    """
    file = raw / "files.json"
    if not file.exists():
        return ""
    listed, when = {item["path"] for item in read_json(file)}, _written(file)
    try:
        found = set(pictures_in(settings.place).names)
    except OSError:
        return ""
    later = {name for name in listed & found if _written(settings.place / name) > when}
    if settings.list and _written(settings.place / settings.list) > when:
        later.add(settings.list)
    new = set() if settings.list else found - listed
    kinds = (("gone", listed - found), ("new", new), ("written to", later))
    return ", ".join(f"{len(names):,} {kind} ({listed_names(sorted(names))})" for kind, names in kinds if names)


def _written(path: Path) -> int:
    """When a file was last written to, in ns; 0 where it cannot be reached."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
