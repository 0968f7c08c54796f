"""Rehash artefacts and check the whole chain of records."""

from collections.abc import Sequence
from pathlib import Path

from .files import digest
from .job import Job
from .record import read_record

__all__ = ["verify"]


def verify(jobs: Sequence[Job], verbs: Sequence[str]) -> list[str]:
    """Check every artefact of the given verbs against its record, its settings and its inputs' records.

    Returns:
        One sentence for each fault, naming the file; empty when all is well.
    """
    faults = []
    for job in jobs:
        if job.verb not in verbs:
            continue
        record = read_record(job.folder)
        if record is None:
            faults.append(f"{job.record_file}: missing or not readable.")
            continue
        if record.settings != job.settings:
            keys = [
                key for key in {*record.settings, *job.settings} if record.settings.get(key) != job.settings.get(key)
            ]
            faults.append(f"{job.record_file}: made with other settings ({', '.join(sorted(keys))}).")
        for name in job.outputs:
            file = Path(job.folder, name)
            if not file.is_file():
                faults.append(f"{file}: missing.")
            elif digest(file) != record.outputs.get(name):
                faults.append(f"{file}: its content is not what {job.record_file} names.")
        for folder in job.inputs:
            upstream = read_record(folder)
            if upstream is None or record.inputs.get(folder) != upstream.outputs:
                faults.append(f"{job.record_file}: made from another content of {folder}.")
    return faults
