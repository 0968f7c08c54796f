"""Files that are whole or absent, and files that are files: regular, bounded, never waited for."""

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hardmine.errors import UserError

__all__ = ["digest", "open_regular", "read_regular", "replace_text", "write_text", "writing"]

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: Path, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
    """Open what must be a regular file; a link is followed. Never waits, as opening a pipe would.

    Returns:
        A file descriptor, for ``os.fdopen``.

    Raises:
        OSError: it cannot be opened.
        UserError: it is no regular file.
    """
    handle = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    found = stat.S_IFMT(os.fstat(handle).st_mode)
    if found != stat.S_IFREG:
        os.close(handle)
        raise UserError(f"{path}: is {_KINDS.get(found, 'something else')}, not a file.")
    return handle


def read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file of at most ``most`` bytes.

    Raises:
        OSError: it cannot be read.
        UserError: it is no regular file, or larger.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UserError(f"{path}: is larger than {most:,} bytes, the most that such a file may have.")
    return content


def digest(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hex digits.

    Raises:
        OSError: it cannot be read.
        UserError: it is no regular file.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name only when the block ends well.

    A reader never sees half a file, and an older good file stays until the new one is complete. The temporary file is
    made here, under a name that nobody can foresee.

    Raises:
        UserError: the file cannot be written (disk full, no permission, a folder in its place, a name too long).
    """
    temporary = _unforeseen(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written: {error.strerror or error}. "
            "Free space or mend the permissions, then run the same command again."
        ) from error
    finally:
        with suppress(OSError):  # not made at all under a name that no file can have
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file that is whole or absent; see ``writing``."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def replace_text(path: Path, text: str) -> None:
    """As ``write_text`` for what may be lost in a power cut: not synced.

    Raises:
        OSError: the file cannot be written.
    """
    temporary = _unforeseen(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "w") as file:
            file.write(text)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _unforeseen(path: Path) -> Path:
    if not path.name:
        raise UserError(f"{path}: is no name of a file. Give one in a folder.")
    start, ending = (
        os.fsencode(part)[:longest].decode("utf-8", "ignore") for part, longest in ((path.name, 160), (path.suffix, 40))
    )
    return path.with_name(f".{start}.{secrets.token_hex(8)}.tmp{ending}")
