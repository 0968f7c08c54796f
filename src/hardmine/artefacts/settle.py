"""Make file times tell the truth, so that Snakemake plans exactly the jobs that are needed.

Snakemake decides by times and by records of its own that a clone, a cache or a checkout does not have.
Here the decision is made from the artefacts' own records: a good artefact becomes newer than its inputs,
one that is not good gets a settings file that is newer than its outputs and unlike any Snakemake has seen.
Contents of artefacts are never touched.
"""

import json
import os
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hardmine.errors import UserError

from .files import write_text
from .job import Job
from .judgement import why_not_good
from .kept import forget, keep
from .record import Record, read_record
from .seen import remember

__all__ = ["settle", "what_changed"]


def settle(jobs: Sequence[Job], strict: bool = False) -> dict[str, str]:
    """Write the settings files of ``jobs`` (upstream first) and set times that tell what is good.

    Args:
        jobs: of the plan.
        strict: whether libraries of other versions than the recorded ones make an artefact not good.

    Returns:
        The folders of the artefacts that are not good (they, and only they, will be made), each with the reason.

    Raises:
        UserError: another plan asks something else of a folder that both share.
    """
    _refuse_other_meanings(jobs)
    good: dict[str, Record | None] = {}
    newest: dict[str, int] = {}
    pending = {}
    for job in jobs:
        record = read_record(job.folder)
        why = why_not_good(job, record, good, strict)
        if record is None or why:
            good[job.folder] = None
            pending[job.folder] = why
            if record is not None:
                keep(job, record) if why.startswith("inputs: ") else forget(job)
            _mark_pending(job)
            continue
        good[job.folder] = record
        floor = max((newest[folder] for folder in job.inputs), default=0)
        times = [_raise_time(file, floor) for file in job.files]
        newest[job.folder] = max(times)
        if job.benchmark_file.exists():
            times.append(_raise_time(str(job.benchmark_file), floor))
        _write_settings(job, again=None, not_after=min(times))
        remember(job.folder, record)
    started = _started(jobs, pending)
    for job in jobs:
        if (record := good[job.folder]) is not None:
            keep(job, record) if job.together in started else forget(job)
    return pending


def _started(jobs: Sequence[Job], pending: Mapping[str, str]) -> set[str]:
    """The processes that Snakemake starts: those with something to make, and those that read what such a one made.

    They delete the good artefacts among what they make, which is why these are kept.
    """
    started = {job.together for job in jobs if job.folder in pending}
    home = {job.folder: job.together for job in jobs}
    for job in jobs:  # upstream first
        if any(home[folder] in started for folder in job.inputs):
            started.add(job.together)
    return started


def what_changed(pending: Mapping[str, str]) -> list[str]:
    """For each change of code behind what ``settle`` found not good, a sentence: the files, and what it costs."""
    counts = Counter(why for why in pending.values() if why.startswith("code: "))
    after = sum(why.startswith("inputs: ") for why in pending.values())
    lines = [
        f"{why.removeprefix('code: ')} changed: {count:,} artefact{'s' * (count > 1)} will be made again"
        for why, count in counts.items()
    ]
    if lines and after:
        lines.append(f"with them {after:,} that depend on those")
    return lines


def _refuse_other_meanings(jobs: Sequence[Job]) -> None:
    """Refuse a shared folder when what lies there is what another plan asks of it, and not what this one does.

    Settings alone, such as a dry run leaves behind, are no reason.
    """
    for job in jobs:
        record = read_record(job.folder) if job.folder.startswith("data/") else None
        if record is None or record.settings == job.settings:
            continue
        for path in Path("scratch", "settings").glob(f"*/{job.folder}.json"):
            other = _meaning(path)
            if other is None or other["plan"] == job.plan or other["settings"] != record.settings:
                continue
            keys = _asked_differently(job.settings.get("dataset"), other["settings"].get("dataset"))
            if not keys:
                continue
            raise UserError(
                f"{job.folder}: the plans '{job.plan}' and '{other['plan']}' ask for different {', '.join(keys)} "
                f"under one name. Give one of them another dataset.variant; if '{other['plan']}' is no longer wanted, "
                f"delete {Path(*path.parts[:3])}."
            )


def _asked_differently(mine: Any, theirs: Any) -> list[str]:
    """Keys of a packing that two plans ask for differently."""
    if not isinstance(mine, dict) or not isinstance(theirs, dict):
        return []
    return sorted(key for key in mine if mine[key] != theirs.get(key))


def _raise_time(file: str, floor: int) -> int:
    """Lift a file older than ``floor`` (ns) to it; return its time."""
    time = os.stat(file).st_mtime_ns
    if time >= floor:
        return time
    os.utime(file, ns=(floor, floor))
    return floor


def _mark_pending(job: Job) -> None:
    """Give a job whose outputs exist but are not good a settings file newer than all of them."""
    times = [os.stat(file).st_mtime_ns for file in job.files if os.path.exists(file)]
    if not times:
        _write_settings(job, again=None, not_after=None)
        return
    _write_settings(job, again=secrets.token_hex(8), not_after=None)
    newer = max(os.stat(job.settings_file).st_mtime_ns, max(times) + 1_000_000)
    os.utime(job.settings_file, ns=(newer, newer))


def _write_settings(job: Job, again: str | None, not_after: int | None) -> None:
    """Write the settings file where its meaning changed, or with new bytes where ``again`` is given.

    ``again`` is a mark without meaning: Snakemake overlooks a newer small input whose checksum it remembers.
    """
    path = job.settings_file
    content: dict[str, Any] = job.to_json()
    if again is not None:
        content["again"] = again
    if again is not None or _meaning(path) != content:
        write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
    if not_after is not None and os.stat(path).st_mtime_ns > not_after:
        os.utime(path, ns=(not_after, not_after))


def _meaning(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
        content.pop("again", None)
        return content
    except (OSError, ValueError, AttributeError):
        return None
