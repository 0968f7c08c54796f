"""How training looks: a bar on a terminal, plain lines in a log file."""

import sys
import time
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from hardmine.methods.log import EpochLog

__all__ = ["Progress"]


class Progress:
    """Progress of one training, with images/s.

    Args:
        name: of the training, shown.
        total: steps in all.
        done: steps already done.
        images_per_step: images in a step.
        interval: seconds between lines in a log file.
    """

    def __init__(self, name: str, total: int, done: int, images_per_step: int, interval: float = 5.0) -> None:
        self._name, self._total, self._images = name, total, images_per_step
        self._first, self._step, self._start = done, done, time.monotonic()
        self._interval, self._spoken = interval, self._start
        self._bar = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=total, completed=done)

    def advance(self, log: EpochLog) -> None:
        """One step more."""
        self._step += 1
        if self._bar:
            self._bar.update(self._task, completed=self._step)
        elif time.monotonic() - self._spoken >= self._interval:
            self._spoken = time.monotonic()
            loss = log.means().get("loss")
            shown = "" if loss is None else f"  loss {loss:.4f}"
            left = timedelta(seconds=round((self._total - self._step) * self._images / max(self.rate(), 1e-9)))
            done = f"step {self._step}/{self._total}  {self.rate():.0f} images/s  {left} left"
            print(f"{self._name}: {done}{shown}", flush=True)

    def rate(self) -> float:
        """Images per second so far, validation included."""
        return (self._step - self._first) * self._images / max(time.monotonic() - self._start, 1e-9)

    def close(self) -> None:
        """The last line."""
        if self._bar:
            self._bar.stop()
        seconds = time.monotonic() - self._start
        print(f"{self._name}: {self._step} steps in {seconds:.1f} s, {self.rate():.0f} images/s", flush=True)
