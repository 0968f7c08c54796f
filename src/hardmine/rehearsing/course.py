"""The course of a training: its moments in order, each measured once; between them nothing happens but more steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import fmean

import torch

from hardmine.methods import Method
from hardmine.methods.log import EpochLog
from hardmine.settings.trials import search_of

from .memory import SavedTensors
from .peak import available_bytes, clock
from .stand_in import StandIn

__all__ = ["Course", "Steps"]

PARTS = 1 / 8, 1 / 4
"""Shares of a batch that go through the trunk first, and alone where a whole step would take too long."""
REPEATS = 4
"""Epochs in a row whose beginnings are measured in the middle of training, at most."""
ROOM = 0.7
"""Share of the free memory that a whole step may take."""
SLOW = 2.0
"""Where a whole batch would take longer than this many limits, the parts are half as large."""
NOISE = 1.5
"""A step that takes up to this many times a usual one is a usual one."""
SEEN = 1024
"""Images that a step may embed without gradients, at least, before any are made up."""


@dataclass
class Steps:
    """What a step takes.

    Attributes:
        seconds: of one, in the middle of training.
        timed: how many were; 0 where it is extrapolated from parts of a batch.
        saved: bytes that autograd keeps, at most at once.
        measured: bytes of these that were really kept here.
        end: seconds more that the last step of an epoch takes.
        last: seconds more that the last step of training takes.
        events: seconds more that each step takes at which a mechanism begins.
    """

    seconds: float = 0.0
    timed: int = 0
    saved: float = 0.0
    measured: float = 0.0
    end: float = 0.0
    last: float = 0.0
    events: float = 0.0


@dataclass
class Course:
    """A method on its way through the moments of its training.

    Attributes:
        method: with rates of 0, so that made images teach it nothing.
        stand: for passes through its network.
        limit: seconds that measuring steps may take.
        share: memory that this process may take, of all that is free.
        beginnings: seconds of the beginnings of epochs, by number.
        log: takes what the method reports.
        spent: seconds that the longest beginning took here, without what is added for images made up.
    """

    method: Method
    stand: StandIn
    limit: float
    share: float = 1.0
    beginnings: dict[int, list[float]] = field(default_factory=dict)
    log: EpochLog = field(default_factory=EpochLog)
    spent: float = 0.0
    _since: int = 0

    def __post_init__(self) -> None:
        method = self.method
        method.network.train()
        parts = (*method.optimisers, *method.parts.values())
        for group in (
            group for part in parts if isinstance(part, torch.optim.Optimizer) for group in part.param_groups
        ):
            group["lr"] = 0.0
            if "start_lr" in group:
                group["start_lr"] = 0.0

    @property
    def epochs(self) -> int:
        """Epochs of the training, the last one counted as it begins."""
        return -(-self.method.total_steps // self.method.steps_per_epoch)

    @property
    def milestones(self) -> list[int]:
        """Steps at which a mechanism of the method begins, ascending."""
        method, setup = self.method, self.method.setup
        after = search_of(setup.run, setup.training).acts_after(len(setup.labels)).values()
        found = {round(images / method.images_per_step) for images in after}
        return sorted(step for step in found if 0 < step < method.total_steps)

    @property
    def middle(self) -> int:
        """An epoch in which all has begun that ever begins, in the middle of training or later."""
        last = max(self.milestones, default=0)
        return min(self.epochs - 1, max(self.epochs // 2, -(-last // self.method.steps_per_epoch)))

    def begin(self, epoch: int) -> None:
        """The beginning of an epoch, measured."""
        method = self.method
        method.step_number = epoch * method.steps_per_epoch
        start = clock()
        seconds = self._timed(lambda: method.begin_epoch(epoch, self.log))
        self.spent = max(self.spent, clock() - start)
        self._since = 0
        self.beginnings.setdefault(epoch, []).append(seconds)

    def walk(self) -> None:
        """The beginnings of the first two epochs, of those in which a mechanism begins, of some in the middle."""
        each = self.method.steps_per_epoch
        self.begin(0)
        self.step(0, PARTS[0])
        for epoch in sorted({1, *(step // each for step in self.milestones if step % each == 0)} - {0}):
            if epoch < self.epochs:
                self.begin(epoch)
        for number in self.milestones:
            self.step(number, PARTS[0])
        start = clock()
        for epoch in range(self.middle, min(self.epochs, self.middle + REPEATS)):
            if epoch not in self.beginnings:
                self.begin(epoch)
            if clock() - start > self.limit / REPEATS:
                break

    @property
    def refreshing(self) -> float:
        """Seconds that the beginnings of all epochs take together."""
        found = {epoch: fmean(seconds) for epoch, seconds in self.beginnings.items()}
        middle = [seconds for epoch, seconds in found.items() if epoch >= self.middle] or [0.0]
        before = min([step // self.method.steps_per_epoch for step in self.milestones] or [1])
        total = sum(found.values())
        for epoch in range(self.epochs):
            if epoch not in found:
                total += found[1] if epoch < before and 1 in found else fmean(middle)
        return total

    def step(self, number: int, share: float = 1.0) -> float:
        """Seconds of a step at its place in training, with a share of the batch going through the trunk."""
        method = self.method
        if self._since >= method.steps_per_epoch:
            method.begin_epoch(number // method.steps_per_epoch, self.log)
            self._since = 0
        method.step_number, self._since = number, self._since + 1
        seen = max(SEEN, 4 * method.images_per_step)
        return self._timed(lambda: method.step(self.log), share, seen)

    def measure_steps(self, wanted: int) -> Steps:
        """Steps in the middle of training: in parts first, then whole ones as far as time and memory allow."""
        saved, places = SavedTensors(self.method), self._places()
        few, many = PARTS
        slow, _ = self._counted(saved, next(places), few)  # memory is taken, libraries are loaded
        if slow / few > SLOW * self.limit:
            few, many = few / 2, few
        usual, first = self._counted(saved, next(places), few)
        more, second = self._counted(saved, next(places), many)
        seconds = _whole((few, usual), (many, more))
        whole = _whole((few, first), (many, second))
        extra = {name: _beyond(usual, seconds) for name, seconds in self._ends(few).items()}
        if seconds > self.limit or whole > ROOM * self.share * available_bytes():
            return Steps(seconds, 0, whole, second, **extra)
        untimed, kept = self._counted(saved, next(places), 1.0)
        times = [untimed] if 2 * untimed > self.limit else []
        while len(times) < wanted and sum(times) + untimed <= self.limit:
            times.append(self.step(next(places)))
        return Steps(fmean(times), len(times), kept, kept, **extra)

    def _ends(self, share: float) -> dict[str, float]:
        """Seconds of steps at which more may happen, with a share of the batch: an epoch's end, the last, events."""
        each, total = self.method.steps_per_epoch, self.method.total_steps
        events = [self.step(number, share) for number in self.milestones]
        return {
            "end": self.step(min((self.middle + 1) * each, total) - 1, share),
            "last": self.step(total - 1, share),
            "events": fmean(events or [0.0]),
        }

    def _counted(self, saved: SavedTensors, number: int, share: float) -> tuple[float, float]:
        """Seconds of a step, and bytes that autograd kept in it."""
        with saved.counting():
            seconds = self.step(number, share)
        return seconds, float(saved.peak)

    def _places(self) -> Iterator[int]:
        """Steps within the middle epoch, not its first nor its last, over and over."""
        each = self.method.steps_per_epoch
        start, inner = self.middle * each, max(1, min(each, self.method.total_steps - self.middle * each) - 2)
        number = 0
        while True:
            yield min(start + 1 + number % inner, self.method.total_steps - 1)
            number += 1

    def _timed(self, work: Callable[[], None], share: float = 1.0, really: int | None = None) -> float:
        stand = self.stand
        stand.begin(share) if really is None else stand.begin(share, really)
        start = clock()
        work()
        return clock() - start + stand.made * stand.rate


def _whole(few: tuple[float, float], many: tuple[float, float]) -> float:
    """The value for the whole batch by the straight line through (share, value) of two parts; at least the latter."""
    slope = (many[1] - few[1]) / (many[0] - few[0])
    return max(many[1], few[1] + slope * (1 - few[0]))


def _beyond(usual: float, seconds: float) -> float:
    """What a step takes beyond a usual one; nothing where that may be chance."""
    return seconds - usual if seconds > NOISE * usual else 0.0
