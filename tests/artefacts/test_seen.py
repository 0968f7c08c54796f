import os
from pathlib import Path

import pytest

from hardmine.artefacts import Job, read_record, retire, settle, verify
from hardmine.artefacts.making import making
from hardmine.errors import UserError

MODEL = Path("models/p/r/seed0/m.bin")


@pytest.fixture(autouse=True)
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Packed data and a model, both made and settled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARDMINE_WORKFLOW", raising=False)
    packed = Job("p", "preprocess", "data/packed/d", ("d.bin",), (), {}, {})
    jobs = [packed, Job("p", "train", "models/p/r/seed0", ("m.bin",), ("data/packed/d",), {}, {})]
    for job in jobs:
        make(job)
    assert list(settle(jobs)) == []
    return jobs


def make(job: Job, before_the_end: object = lambda: None) -> None:
    with making(job) as folder:
        (folder / job.outputs[0]).write_bytes(b"content")
        before_the_end()


def flip(path: Path) -> None:
    """One bit of the first byte; the size stays."""
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    with open(path, "r+b") as file:
        file.write(content)


def test_a_flipped_bit_is_noticed_although_size_and_times_are_put_back(chain: list[Job]) -> None:
    before = os.stat(MODEL)
    flip(MODEL)
    os.utime(MODEL, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(settle(chain)) == ["models/p/r/seed0"]


def test_equal_content_in_another_file_is_good(chain: list[Job]) -> None:
    content = MODEL.read_bytes()
    MODEL.unlink()
    MODEL.write_bytes(content)
    assert list(settle(chain)) == []
    flip(MODEL)
    assert list(settle(chain)) == ["models/p/r/seed0"]


def test_nothing_is_hashed_where_all_looks_as_it_did(chain: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardmine.artefacts.seen.digest", lambda path: pytest.fail(f"{path} was hashed"))
    assert list(settle(chain)) == []


def test_an_input_with_a_flipped_bit_is_not_read(chain: list[Job]) -> None:
    flip(Path("data/packed/d/d.bin"))
    with pytest.raises(UserError, match=r"d\.bin: missing, truncated or altered"):
        make(chain[1])


def test_an_input_altered_while_it_is_read_leaves_no_record(chain: list[Job]) -> None:
    with pytest.raises(UserError, match=r"d\.bin: altered while it was read"):
        make(chain[1], before_the_end=lambda: flip(Path("data/packed/d/d.bin")))
    assert read_record("models/p/r/seed0") is None


def test_a_retired_artefact_is_made_again_and_its_record_is_kept(chain: list[Job]) -> None:
    record = Path("models/p/r/seed0/made.json").read_bytes()
    flip(MODEL)
    ((source, target),) = retire(verify(chain, ("preprocess", "train")))
    assert source == Path("models/p/r/seed0/made.json")
    assert target.read_bytes() == record
    assert list(settle(chain)) == ["models/p/r/seed0"]
