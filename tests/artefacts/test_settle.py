import json
import os
import time
from pathlib import Path

import pytest

from hardmine.artefacts import Job, digest, prune, read_record, settle, verify, writing
from hardmine.artefacts.making import making
from hardmine.errors import StoppedError, UserError


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARDMINE_WORKFLOW", raising=False)


def chain(**changes: int) -> list[Job]:
    packed = Job("p", "preprocess", "data/packed/d", ("d.bin",), (), {"n": changes.get("n", 1)}, {})
    model = Job("p", "train", "models/p/r/seed0", ("m.bin",), ("data/packed/d",), {"lr": changes.get("lr", 1)}, {})
    scores = Job("p", "evaluate", "metrics/p/r/seed0", ("s.bin",), ("models/p/r/seed0",), {}, {})
    return [packed, model, scores]


def make(jobs: list[Job]) -> None:
    for job in jobs:
        with making(job) as folder:
            content = json.dumps([job.settings, [read_record(path).outputs for path in job.inputs]])
            for name in job.outputs:
                (folder / name).write_text(content)


def test_nothing_made_means_everything_is_pending() -> None:
    assert list(settle(chain())) == [job.folder for job in chain()]


def test_all_good_means_times_in_order_and_settings_older() -> None:
    jobs = chain()
    make(jobs)
    for path, age in (("data/packed/d/d.bin", 0), ("models/p/r/seed0/m.bin", 5000), ("metrics/p/r/seed0/s.bin", 9000)):
        os.utime(path, (time.time() - age,) * 2)
    assert list(settle(jobs)) == []
    for job in jobs:
        own = [os.stat(path).st_mtime_ns for path in job.files]
        assert os.stat(job.settings_file).st_mtime_ns <= min(own)
        for folder in job.inputs:
            assert min(own) >= max(os.stat(path).st_mtime_ns for path in Path(folder).iterdir())


def test_a_changed_setting_and_everything_after_it_is_pending() -> None:
    make(chain())
    assert list(settle(chain(lr=2))) == ["models/p/r/seed0", "metrics/p/r/seed0"]
    changed = os.stat(chain()[1].settings_file).st_mtime_ns
    assert changed > os.stat("models/p/r/seed0/m.bin").st_mtime_ns


def test_each_settling_of_a_pending_artefact_writes_bytes_never_seen_before() -> None:
    make(chain())
    jobs = chain(lr=2)
    seen = set()
    for _ in range(20):
        settle(jobs)
        seen.add(jobs[1].settings_file.read_bytes())
    assert len(seen) == 20
    assert Job.read(jobs[1].settings_file) == jobs[1]


def test_settling_touches_no_file_when_all_is_well() -> None:
    jobs = chain()
    make(jobs)
    settle(jobs)
    times = {path: os.stat(path).st_mtime_ns for path in Path().rglob("*") if path.is_file()}
    settle(jobs)
    assert times == {path: os.stat(path).st_mtime_ns for path in Path().rglob("*") if path.is_file()}


def test_equal_bytes_from_another_making_leave_what_follows_good() -> None:
    jobs = chain()
    make(jobs)
    jobs[1].record_file.unlink()
    make(jobs[1:2])
    assert list(settle(jobs)) == []


@pytest.mark.parametrize("damage", ["truncate", "remove", "record", "empty record"])
def test_damage_that_sizes_and_records_show_is_pending(damage: str) -> None:
    jobs = chain()
    make(jobs)
    model = Path("models/p/r/seed0/m.bin")
    match damage:
        case "truncate":
            model.write_bytes(model.read_bytes()[:-1])
        case "remove":
            model.unlink()
        case "record":
            jobs[1].record_file.write_text('{"settings": 3}')
        case "empty record":
            jobs[1].record_file.write_text("")
    assert list(settle(jobs)) == ["models/p/r/seed0", "metrics/p/r/seed0"]
    with pytest.raises(UserError, match=r"seed0/(m\.bin|made\.json): "):
        make(jobs[2:])


def test_verify_names_altered_bytes_other_settings_and_other_inputs() -> None:
    jobs = chain()
    make(jobs)
    assert verify(jobs, ("preprocess", "train", "evaluate")) == {}
    assert verify(chain(lr=2), ("train",)) == {
        "models/p/r/seed0": ["models/p/r/seed0/made.json: made with other settings (lr)."]
    }
    Path("models/p/r/seed0/m.bin").write_text("other")
    assert verify(jobs, ("train",)) == {
        "models/p/r/seed0": ["models/p/r/seed0/m.bin: its content is not what models/p/r/seed0/made.json names."]
    }
    make(jobs[:1])
    Path("data/packed/d/d.bin").write_text("other data")
    record = json.loads(Path("data/packed/d/made.json").read_text())
    record["outputs"]["d.bin"] = digest(Path("data/packed/d/d.bin"))
    Path("data/packed/d/made.json").write_text(json.dumps(record))
    found = verify(jobs, ("train",))["models/p/r/seed0"]
    assert "models/p/r/seed0/made.json: made from another content of data/packed/d." in found


def test_a_write_that_fails_keeps_the_older_good_file(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Path("kept.txt")
    target.write_text("good")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(UserError, match=r"kept\.txt: cannot be written: No space left on device"),
        writing(target) as path,
    ):
        path.write_text("half")
        full()
    assert target.read_text() == "good"
    assert [path.name for path in Path().iterdir()] == ["kept.txt"]


def test_a_file_that_is_no_settings_file_is_refused() -> None:
    Path("x.json").write_text("[1]")
    with pytest.raises(UserError, match=r"x\.json: not a settings file"):
        Job.read(Path("x.json"))
    with pytest.raises(UserError, match="no such settings file"):
        Job.read(Path("y.json"))


@pytest.mark.parametrize("plan", ["glyphs", "other"])
def test_two_plans_may_not_ask_for_different_images_under_one_name(plan: str) -> None:
    def packed(name: str, noise: int) -> Job:
        return Job(name, "preprocess", "data/packed/glyphs-32", ("d.bin",), (), {"dataset": {"noise": noise}}, {})

    settle([packed("glyphs-full", 3)])
    settle([packed(plan, 4)])  # of the other plan there are settings only, as after a dry run
    make([packed("glyphs-full", 3)])
    settle([packed(plan, 3)])
    with pytest.raises(UserError, match="ask for different noise under one name"):
        settle([packed(plan, 4)])


def test_leftovers_of_a_killed_process_are_removed_before_the_next_making() -> None:
    jobs = chain()
    make(jobs)
    leftovers = [Path("models/p/r/seed0/.m.bin.123.tmp.bin"), Path("models/p/r/seed0/figures/.a.svg.123.tmp.svg")]
    for leftover in leftovers:
        leftover.parent.mkdir(exist_ok=True)
        leftover.write_text("half")
    make(jobs[1:2])
    assert not any(leftover.exists() for leftover in leftovers)


def test_prune_leaves_the_packings_of_other_plans_and_seeds_alone() -> None:
    for seed in (1, 2):
        others = Path(f"data/packed/glyphs-32/seed{seed}/items.csv")
        others.parent.mkdir(parents=True)
        others.write_text("row\n")
    stray = Path("data/packed/glyphs-32/old.npy")
    stray.write_bytes(b"1")
    for folder in ("data/packed/glyphs-32", "data/packed/glyphs-32/seed1"):
        packing = Job("p", "preprocess", folder, ("items.csv",), (), {}, {})
        moved = prune([packing], "preprocess")
        assert [source for source, _ in moved] == ([stray] if folder.endswith("32") else [])


def test_prune_moves_files_that_no_job_makes() -> None:
    report = Job("p", "figures", "report/p", ("a.svg",), (), {}, {})
    make([report])
    Path("report/p/old.svg").write_text("of a method that left")
    ((source, target),) = prune([report], "figures")
    assert source == Path("report/p/old.svg")
    assert target.read_text() == "of a method that left"
    assert Path("report/p/a.svg").exists()
    assert prune(chain(), "train") == []


def test_a_job_without_git_still_gets_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    make(chain()[:1])
    assert read_record("data/packed/d") is not None


def test_a_variant_with_a_dot_keeps_its_name_in_the_benchmark() -> None:
    job = Job("p", "preprocess", "data/packed/glyphs-0.5", ("d.bin",), (), {}, {})
    assert job.benchmark_file == Path("logs/preprocess/glyphs-0.5.tsv")


def test_a_job_that_failed_fails_at_once_in_the_same_workflow_and_is_tried_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = chain()[0]

    def attempt(error: Exception | None) -> None:
        with making(job) as folder:
            if error:
                raise error
            (folder / "d.bin").write_text("content")

    monkeypatch.setenv("HARDMINE_WORKFLOW", "elsewhere:1")
    with pytest.raises(StoppedError):
        attempt(StoppedError("told to stop"))
    with pytest.raises(UserError, match="a loss"):
        attempt(UserError("a loss became nan"))
    with pytest.raises(UserError, match="a loss"):
        attempt(None)
    monkeypatch.setenv("HARDMINE_WORKFLOW", "elsewhere:2")
    attempt(None)
    assert read_record(job.folder) is not None
