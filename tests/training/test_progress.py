"""What a log file says of a training that runs."""

import re
import time

import pytest

from hardmine.methods.log import EpochLog
from hardmine.training.progress import Progress


def test_lines_tell_the_rate_the_loss_and_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    log = EpochLog()
    log.add("loss", 0.25)
    progress = Progress("hdc seed 0", total=1000, done=0, images_per_step=10, interval=1)
    for _ in range(3):
        progress.advance(log)
    line = capsys.readouterr().out.splitlines()[-1]
    found = re.fullmatch(r"hdc seed 0: step 3/1000  (\d+) images/s  (\d+:\d+:\d+) left  loss 0\.2500", line)
    assert found, line
