"""Rehash artefacts and check the whole chain of records."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .circumstances import other_versions
from .code import changed_code, code_of
from .files import digest
from .job import Job
from .judgement import differing_keys
from .prune import to_trash
from .record import Record, read_record

__all__ = ["retire", "verify", "versions_apart"]


def verify(jobs: Sequence[Job], verbs: Sequence[str], strict: bool = False) -> dict[str, list[str]]:
    """Check every artefact of the given verbs against its record, its settings, the code and its inputs' records.

    Args:
        jobs: of the plan.
        verbs: which of them.
        strict: whether libraries of other versions than the recorded ones are faults.

    Returns:
        For each faulty artefact's folder a sentence for each fault, naming the file; empty when all is well.
    """
    faults = {job.folder: _faults(job, read_record(job.folder), strict) for job in jobs if job.verb in verbs}
    return {folder: sentences for folder, sentences in faults.items() if sentences}


def retire(folders: Iterable[str]) -> list[tuple[Path, Path]]:
    """Move the records of artefacts to ``scratch/trash/``, so that the next workflow makes them again.

    Returns:
        The moves made, as (from, to).
    """
    return to_trash([path for folder in folders if (path := Path(folder, "made.json")).exists()])


def versions_apart(jobs: Sequence[Job], verbs: Sequence[str]) -> dict[str, int]:
    """Libraries of other versions than artefacts were made with, and how many artefacts each concerns."""
    counts: Counter[str] = Counter()
    for job in jobs:
        record = read_record(job.folder) if job.verb in verbs else None
        if record is not None:
            counts.update(other_versions(job, record))
    return dict(counts)


def _faults(job: Job, record: Record | None, strict: bool) -> list[str]:
    if record is None:
        return [f"{job.record_file}: missing or not readable."]
    faults = []
    if keys := differing_keys(record.settings, job.settings):
        faults.append(f"{job.record_file}: made with other settings ({', '.join(keys)}).")
    if changed := changed_code(record.code, code_of(job.code)):
        faults.append(f"{job.record_file}: made with other code ({', '.join(changed)}).")
    if strict and (versions := other_versions(job, record)):
        faults.append(f"{job.record_file}: made with other versions ({', '.join(versions)}).")
    if set(record.inputs) != set(job.inputs) or set(record.outputs) != set(job.outputs):
        faults.append(f"{job.record_file}: names other inputs or outputs than the plan.")
    for name in job.outputs:
        file = Path(job.folder, name)
        if not file.is_file():
            faults.append(f"{file}: missing.")
        elif (digest(file), file.stat().st_size) != (record.outputs.get(name), record.sizes.get(name)):
            faults.append(f"{file}: its content is not what {job.record_file} names.")
    if keys := _resolved_otherwise(job, record):
        faults.append(f"{job.record_file}: says other settings than its choice resolves to ({', '.join(keys)}).")
    for folder in job.inputs:
        upstream = read_record(folder)
        if upstream is None or record.inputs.get(folder) != upstream.outputs:
            faults.append(f"{job.record_file}: made from another content of {folder}.")
    return faults


def _resolved_otherwise(job: Job, record: Record) -> list[str]:
    """Keys of resolved settings that are neither as the plan has them nor as the choice that they name."""
    choice = job.settings.get("choice")
    if choice is None:
        return sorted(record.resolved)
    try:
        chosen = json.loads(Path(choice, "chosen.json").read_text(encoding="utf-8"))["values"]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # its own record says so
    taken = {key: value for key, value in chosen.items() if key in job.settings.get("taken", chosen)}
    found = {key: _at(record.resolved, key if key.startswith("training.") else f"method.{key}") for key in taken}
    wrong = {key for key, value in taken.items() if found[key] != value}
    for section in ("method", "training"):
        prefix = "training." if section == "training" else ""
        others = differing_keys(job.settings.get(section), record.resolved.get(section), prefix)
        wrong |= {key for key in others if not any(key == own or key.startswith(f"{own}.") for own in taken)}
    return sorted(wrong)


def _at(section: Any, path: str) -> Any:
    for part in path.split("."):
        section = section.get(part) if isinstance(section, dict) else None
    return section
