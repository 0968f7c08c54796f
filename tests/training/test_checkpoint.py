import os
import signal
from pathlib import Path

import pytest
import torch

from hardmine.artefacts import Job, making
from hardmine.errors import StoppedError
from hardmine.training import checkpoint
from hardmine.training.checkpoint import Checkpoints
from hardmine.training.notice import Notice

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def job(**changes: object) -> Job:
    settings = {"learning_rate": 0.1, **changes}
    return Job("p", "train", "models/p/r/seed0", ("m",), (), settings, {"checkpoint_seconds": 5})


def state(value: float) -> dict:
    return {"weights": torch.full((1000,), value), "rows": [{"epoch": 1.0}]}


def files() -> list[str]:
    return sorted(path.name for path in job().scratch.iterdir())


def flip(name: str, place: int) -> None:
    path = job().scratch / name
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_what_is_saved_is_loaded_with_the_random_numbers() -> None:
    torch.manual_seed(3)
    Checkpoints(job(), CPU).save(state(1.0))
    expected = torch.rand(5)
    torch.manual_seed(4)
    loaded = Checkpoints(job(), CPU).load()
    assert torch.equal(loaded["weights"], state(1.0)["weights"])
    assert loaded["rows"] == [{"epoch": 1.0}]
    assert torch.equal(torch.rand(5), expected)


def test_the_newest_two_are_kept() -> None:
    checkpoints = Checkpoints(job(), CPU)
    for value in (1.0, 2.0, 3.0):
        checkpoints.save(state(value))
    assert files() == ["checkpoint.previous.pt", "checkpoint.pt"]
    assert checkpoints.load()["weights"][0] == 3.0
    (job().scratch / "checkpoint.pt").unlink()
    assert checkpoints.load()["weights"][0] == 2.0


@pytest.mark.parametrize("place", [0, 40, 2000, -1])
def test_one_flipped_bit_anywhere_and_the_previous_one_is_taken(place: int) -> None:
    checkpoints = Checkpoints(job(), CPU)
    for value in (1.0, 2.0):
        checkpoints.save(state(value))
    flip("checkpoint.pt", place)
    assert checkpoints.load()["weights"][0] == 1.0
    flip("checkpoint.previous.pt", place)
    assert checkpoints.load() is None


def test_torch_alone_would_not_notice_a_flipped_weight(tmp_path: Path) -> None:
    """Why there is a digest: to be dropped when this fails."""
    path = tmp_path / "plain.pt"
    torch.save(torch.ones(1000), path)
    content = bytearray(path.read_bytes())
    content[content.find(torch.ones(8).numpy().tobytes()) + 2] ^= 1
    path.write_bytes(content)
    assert not torch.equal(torch.load(path, weights_only=True), torch.ones(1000))


@pytest.mark.parametrize("size", [0, 10, 31, 32, 500])
def test_a_truncated_checkpoint_is_passed_over(size: int) -> None:
    checkpoints = Checkpoints(job(), CPU)
    checkpoints.save(state(1.0))
    os.truncate(job().scratch / "checkpoint.pt", size)
    assert checkpoints.load() is None


def test_a_checkpoint_of_other_settings_is_passed_over() -> None:
    Checkpoints(job(), CPU).save(state(1.0))
    assert Checkpoints(job(learning_rate=0.2), CPU).load() is None


def test_slow_writing_makes_checkpoints_rarer_down_to_two_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    written = []

    def slow(content: object, buffer: object) -> None:
        clock[0] += 3.0
        written.append(clock[0])

    monkeypatch.setattr(checkpoint.torch, "save", slow)
    checkpoints = Checkpoints(job(), CPU)
    while clock[0] < 10_000:
        clock[0] += 0.5
        if checkpoints.due():
            checkpoints.save(state(1.0))
    assert written[0] == pytest.approx(8.0)
    assert 0.018 < 3.0 * len(written) / clock[0] <= 0.0201


def test_the_journal_has_the_time_before_a_stop_up_to_the_state_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    monkeypatch.setenv("HARDMINE_JOURNAL", str(tmp_path / "journal.csv"))
    for seconds in (10.0, 20.0):  # each is stopped five seconds after its checkpoint
        with pytest.raises(StoppedError), making(job()):
            checkpoints = Checkpoints(job(), CPU)
            checkpoints.load()
            clock[0] += seconds
            checkpoints.save(state(1.0))
            clock[0] += 5.0
            raise StoppedError("")
    with making(job()) as folder:
        Checkpoints(job(), CPU).load()
        clock[0] += 40.0
        (folder / "m").write_text("")
    ((*_, seconds),) = [line.split(",") for line in (tmp_path / "journal.csv").read_text().splitlines()]
    assert float(seconds) == 70.0


def test_notice_is_taken_and_obeyed_only_when_asked() -> None:
    notice = Notice()
    notice.obey("nothing happened")
    os.kill(os.getpid(), 15)
    with pytest.raises(StoppedError, match="step 3: stopped on SIGTERM") as caught:
        notice.obey("step 3")
    assert caught.value.exit_code == 75
    notice.close()


def test_after_training_the_signals_do_what_they_did() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    notice = Notice()
    during = signal.getsignal(signal.SIGTERM)
    notice.close()
    assert during != before[0]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
