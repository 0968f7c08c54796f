"""Artefacts that are taken back where what they were made from came out as it was."""

import os
from pathlib import Path

import pytest

from hardmine.artefacts import Job, settle, take_back
from hardmine.artefacts.making import making


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARDMINE_WORKFLOW", raising=False)


def chain(trials: int = 1) -> list[Job]:
    """A choice made from trials, two seeds of a run that read it, and what is embedded of each."""
    choice = Job("p", "tune", "tuning/p/r/choice", ("chosen.json",), (), {"trials": trials}, {})
    models = [Job("p", "train", f"models/p/r/seed{k}", ("m",), (choice.folder,), {"k": k}, {}) for k in (0, 1)]
    places = [Job("p", "embed", f"embeddings/p/r/seed{k}", ("e",), (f"models/p/r/seed{k}",), {}, {}) for k in (0, 1)]
    return [choice, *models, *places]


def make(job: Job, content: str = "same") -> None:
    with making(job) as folder:
        for name in job.outputs:
            (folder / name).write_text(content)


def as_snakemake_starts(job: Job) -> None:
    for file in job.files:
        Path(file).unlink()


@pytest.fixture
def jobs() -> list[Job]:
    for job in chain():
        make(job)
    jobs = chain(trials=2)
    assert list(settle(jobs)) == [job.folder for job in jobs]
    make(jobs[0])
    return jobs


def test_after_an_equal_choice_the_training_is_taken_back_and_all_is_good(jobs: list[Job]) -> None:
    for job in jobs[1:]:
        as_snakemake_starts(job)
        assert take_back(job)
        assert Path(job.folder, job.outputs[0]).read_text() == "same"
    assert settle(jobs) == {}
    assert not [path for path in Path("scratch/kept").rglob("*") if path.is_file()]


def test_another_choice_is_no_reason_to_take_back(jobs: list[Job]) -> None:
    make(jobs[0], "other")
    as_snakemake_starts(jobs[1])
    assert not take_back(jobs[1])


def test_other_settings_and_altered_bytes_are_not_taken_back(jobs: list[Job]) -> None:
    as_snakemake_starts(jobs[1])
    other = Job(**{**vars(jobs[1]), "settings": {"k": 7}})
    assert not take_back(other)
    Path("scratch/kept", jobs[1].folder, "m").write_text("sane")
    assert not take_back(jobs[1])


def test_a_file_altered_before_is_not_kept() -> None:
    for job in chain():
        make(job)
    path = Path(chain()[1].folder, "m")
    path.write_text("sane")
    settle(chain(trials=2))
    make(chain(trials=2)[0])
    as_snakemake_starts(chain()[1])
    assert not take_back(chain()[1])


def test_a_kill_between_snakemake_s_deletion_and_the_taking_back_costs_nothing(jobs: list[Job]) -> None:
    as_snakemake_starts(jobs[1])
    assert settle(jobs)[jobs[1].folder] == "not made yet"
    assert take_back(jobs[1])


def test_of_a_process_that_makes_all_seeds_the_good_ones_are_kept_with_what_reads_them() -> None:
    for job in chain():
        make(job)
    as_snakemake_starts(chain()[4])
    assert list(settle(chain())) == ["embeddings/p/r/seed1"]
    as_snakemake_starts(chain()[3])
    assert take_back(chain()[3])
    assert not take_back(chain()[4])
    make(chain()[4])
    assert settle(chain()) == {}


def test_where_the_disk_has_no_links_nothing_is_kept_and_nothing_lost(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, "not permitted")

    monkeypatch.setattr(os, "link", refuse)
    changed = chain(trials=3)
    assert len(settle(changed)) == 5
    as_snakemake_starts(jobs[1])
    assert not take_back(jobs[1])
