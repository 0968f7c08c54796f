"""A plan while it runs: what is made, what runs, what that says, and when it will end."""

import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from .job import VERBS, Job
from .judgement import differing_keys
from .record import read_record

__all__ = ["Running", "seconds_taken", "state_of"]

JOURNAL = Path("logs/journal.csv")

RECENT = 180.0
"""Seconds since a log was written to, up to which its job is taken to run."""


@dataclass(frozen=True)
class Running:
    """What is known of a plan that runs.

    Attributes:
        made: for each verb that has jobs, how many of them are made with the plan's settings, and of how many.
        lines: the name and the newest line of the log of each job that runs, of a training with its best epoch so far.
        left: until the end, at the pace of the jobs made so far; None before the first of a kind is made.
    """

    made: dict[str, tuple[int, int]]
    lines: dict[str, str]
    left: timedelta | None


def state_of(jobs: Sequence[Job], journal: Path = JOURNAL, now: float | None = None) -> Running:
    """Look at records, logs and the journal; nothing is changed.

    Args:
        jobs: of the plan.
        journal: seconds of every job that was made here.
        now: seconds since the epoch; the present unless given.
    """
    now = time.time() if now is None else now
    waiting = [job for job in jobs if not _is_made(job)]
    made = {}
    for verb in VERBS:
        if count := sum(job.verb == verb for job in jobs):
            made[verb] = (count - sum(job.verb == verb for job in waiting), count)
    logs = {job.together: job for job in waiting}
    found = {name: _newest_line(job.benchmark_file.with_suffix(".log"), now) for name, job in logs.items()}
    lines = {name: line + _best_epoch(logs[name].scratch / "history.csv") for name, line in found.items() if line}
    return Running(made, lines, _left(waiting, jobs, journal, max(1, len(lines))))


def seconds_taken(journal: Path = JOURNAL) -> list[tuple[str, float]]:
    """Folder and seconds of every job that was made here, in order; what was taken back or copied took none."""
    try:
        with open(journal, newline="", encoding="utf-8") as file:
            return [(row[2], float(row[3])) for row in csv.reader(file) if len(row) == 4]
    except (OSError, ValueError):
        return []


def _is_made(job: Job) -> bool:
    """Whether there is an artefact of a job, made with its settings."""
    record = read_record(job.folder)
    return record is not None and not differing_keys(record.settings, job.to_json()["settings"])


def _newest_line(path: Path, now: float) -> str:
    try:
        if now - path.stat().st_mtime > RECENT:
            return ""
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 4000))
            written = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return written[-1] if written else "started"


def _best_epoch(history: Path) -> str:
    """What a training that runs has reached on validation classes; empty where it has not been validated yet."""
    try:
        with open(history, newline="", encoding="utf-8") as file:
            scores = [(float(row["val_map@r"]), row["epoch"]) for row in csv.DictReader(file) if row["val_map@r"]]
    except (OSError, ValueError, KeyError, UnicodeDecodeError):
        return ""
    return f"  map@r {max(scores)[0]:.3f} on validation classes (epoch {max(scores)[1]})" if scores else ""


def _left(waiting: Sequence[Job], jobs: Sequence[Job], journal: Path, at_once: int) -> timedelta | None:
    """Seconds of the waiting jobs, each as long as those of its verb were, over the number that runs at once."""
    verbs = {job.folder: job.verb for job in jobs}
    took: dict[str, list[float]] = {}
    for folder, seconds in seconds_taken(journal):
        if folder in verbs:
            took.setdefault(verbs[folder], []).append(seconds)
    slow = {"tune", "train"}
    if any(job.verb in slow and job.verb not in took for job in waiting):
        return None
    seconds = sum(sum(own) / len(own) for job in waiting if (own := took.get(job.verb)))
    return timedelta(seconds=round(seconds / at_once))
