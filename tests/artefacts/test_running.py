"""A plan while it runs."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from hardmine.artefacts import Job, Record, state_of
from hardmine.artefacts.record import write_record


def jobs() -> list[Job]:
    models = [Job("p", "train", f"models/p/r/seed{k}", ("m",), (), {}, {}) for k in range(4)]
    return [*models, *(Job("p", "embed", f"embeddings/p/r/seed{k}", ("e",), (), {}, {}) for k in range(4))]


def test_what_is_made_what_runs_and_how_long_it_will_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for k, settings in ((0, {}), (1, {}), (3, {"of": "another plan"})):
        Path(f"models/p/r/seed{k}").mkdir(parents=True)
        write_record(Path(f"models/p/r/seed{k}"), Record(settings, {}, {}, {}, {}))
    logs = Path("logs/train/p/r")
    logs.mkdir(parents=True)
    for k, words in ((1, "done"), (2, "r seed 2: step 4/9\nr seed 2: step 5/9"), (3, "resumed")):
        (logs / f"seed{k}.log").write_text(f"{words}\n")
    os.utime(logs / "seed3.log", (0, 0))
    assert state_of(jobs()).left is None
    rows = [f"t,train,models/p/r/seed{k},{seconds}\n" for k, seconds in ((0, 90.0), (1, 110.0))]
    Path("logs/journal.csv").write_text("".join([*rows, "t,train,models/other/r/seed0,9999\n"]))
    state = state_of(jobs())
    assert state.made == {"train": (2, 4), "embed": (0, 4)}
    assert state.lines == {"models/p/r/seed2": "r seed 2: step 5/9"}
    jobs()[2].scratch.mkdir(parents=True)
    (jobs()[2].scratch / "history.csv").write_text("epoch,val_map@r\n1,0.2\n2,0.41\n3,0.4\n4,\n")
    (told,) = state_of(jobs()).lines.values()
    assert told == "r seed 2: step 5/9  map@r 0.410 on validation classes (epoch 2)"
    (jobs()[2].scratch / "history.csv").write_bytes(b"epoch,val_map@r\n1,\xff\n")
    assert state_of(jobs()).lines == state.lines
    assert state.left == timedelta(seconds=200)  # two trainings of 100 s, one after another
