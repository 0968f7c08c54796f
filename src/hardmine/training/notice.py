"""A scheduler's notice: SIGTERM, or Ctrl-C, ends training after the running step."""

import signal
from types import FrameType

from hardmine.errors import StoppedError

__all__ = ["Notice"]


class Notice:
    """Whether this process has been asked to stop. Until ``close``, SIGTERM and SIGINT only take note."""

    def __init__(self) -> None:
        self.given: signal.Signals | None = None
        self._before = {number: signal.signal(number, self._take) for number in (signal.SIGTERM, signal.SIGINT)}

    def obey(self, where: str) -> None:
        """Leave if asked to; whoever calls this has saved what there is to save.

        Raises:
            StoppedError: notice was given.
        """
        if self.given:
            raise StoppedError(f"{where}: stopped on {self.given.name}. The same command goes on from here.")

    def close(self) -> None:
        """Let the signals do what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.given = signal.Signals(number)
