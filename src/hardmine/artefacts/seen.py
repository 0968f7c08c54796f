"""How an artefact's files looked when their content was last known to be the recorded one.

A file's size, times and inode are compared at no cost; only where they differ is its content hashed again. So a
changed byte is noticed by the next command, although nobody rehashes everything. An artefact looked at for the first
time (a clone, a restored cache) is taken at its word; ``verify`` rehashes.
"""

import json
import os
from pathlib import Path

from hardmine.errors import UserError

from .files import digest, read_regular, replace_text
from .record import LARGEST, Record

__all__ = ["altered", "remember"]

Look = list[int | str]


def remember(folder: str, record: Record) -> None:
    """Keep the looks of all files of an artefact whose content is the recorded one."""
    path = _path(folder)
    looks = {name: _look(Path(folder, name), sha) for name, sha in record.outputs.items()}
    if _read(path) == looks:
        return
    replace_text(path, json.dumps(looks))  # without it the artefact is taken at its word


def altered(folder: str, record: Record) -> list[str]:
    """Names of files that are missing or do not hold what the record names."""
    looks = _read(_path(folder))
    return [name for name, sha in record.outputs.items() if not _is_as_recorded(folder, name, record, sha, looks)]


def _is_as_recorded(folder: str, name: str, record: Record, sha: str, looks: dict[str, Look]) -> bool:
    path = Path(folder, name)
    try:
        if os.stat(path).st_size != record.sizes.get(name):
            return False
        if name not in looks or looks[name] == _look(path, sha):
            return True
        return digest(path) == sha
    except (OSError, UserError):
        return False


def _look(path: Path, sha: str) -> Look:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, sha]


def _read(path: Path) -> dict[str, Look]:
    try:
        content = json.loads(read_regular(path, LARGEST))
    except (OSError, ValueError, RecursionError, UserError):
        return {}
    return content if isinstance(content, dict) else {}


def _path(folder: str) -> Path:
    return Path("scratch", "seen", folder.replace("/", "--") + ".json")
