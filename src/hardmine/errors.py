"""Errors written for the person who can mend their cause."""

import difflib
from collections.abc import Iterable

from .foreign import shown


class UserError(Exception):
    """Something a person can put right: the command prints the message alone and leaves with code 2.

    The message says what is wrong, where, what is allowed and what to do. Names in it are others': it is shown safely.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(shown(message))


class StoppedError(UserError):
    """The process was asked to stop and what it did is kept; the same command goes on from there (EX_TEMPFAIL)."""

    exit_code = 75


class TrainingFailedError(UserError):
    """A training diverged or collapsed: a result of its settings, which is recorded as such."""

    step: int | None = None
    """The step that failed, from 1; None where steps went well and what they led to did not."""


class FailedRunsError(UserError):
    """Results are there, but some trainings failed."""

    exit_code = 3


def nearest(name: object, allowed: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the allowed name closest to ``name``, or an empty string."""
    match = difflib.get_close_matches(str(name), list(allowed), n=1, cutoff=0.5)
    return f" (did you mean '{match[0]}'?)" if match else ""
