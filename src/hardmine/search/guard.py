"""Files of others at the place where they are read: whatever they make a reader raise is one error that names them."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from hardmine.errors import UserError

__all__ = ["reading", "reason_of"]

_LONGEST = 200
"""Letters of a reason that are shown."""


@contextmanager
def reading(path: Path, advice: str = "", fault: str = "is damaged") -> Iterator[None]:
    """Read a file or folder within.

    Args:
        path: what is named.
        advice: a sentence on what to do, behind what is wrong.
        fault: what is wrong where a library finds a fault; its own words follow.

    Raises:
        UserError: it cannot be read, or is damaged; errors that are for people already stay as they are.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # libraries raise anything over damaged and hostile files
        raise UserError(f"{path}: {_words(error, fault)}. {advice}".rstrip()) from None


def _words(error: Exception, fault: str) -> str:
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "is a link; a file itself is needed here"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    return f"{fault} ({reason_of(error)})"


def reason_of(error: Exception) -> str:
    """The key of settings that is wrong and how; or a library's own first line, without the place in its source."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])[:_LONGEST]
        return f"{key}: {first['msg']}" if key else first["msg"]
    words = str(error).rsplit("Error: ", 1)[-1].strip().splitlines() or [type(error).__name__]
    return words[0][:_LONGEST].rstrip(". ")
