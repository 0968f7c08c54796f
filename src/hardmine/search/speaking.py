"""Saying every few seconds how far a long command is."""

import time
from collections.abc import Callable

__all__ = ["speaking"]

_SECONDS = 5.0


def speaking(line: Callable[[int, int, float], str]) -> Callable[[int, int], None]:
    """A function of what is done and of all there is, which prints a line now and then.

    Args:
        line: the line, of what is done, of all there is, and of how much is done in a second.
    """
    start = spoken = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal spoken
        now = time.monotonic()
        if now - spoken >= _SECONDS:
            spoken = now
            print(line(done, total, done / (now - start)), flush=True)

    return report
