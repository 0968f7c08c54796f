"""Artefacts that may turn out to be good once what they were made from is made again.

Where an input is made anew and comes out with the same content, its readers need not work again. But Snakemake deletes
a job's outputs before it starts the job. So ``settle`` keeps a second name of every file of such an artefact, and the
job takes them back where settings, code and the inputs' digests are the recorded ones.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from .code import code_of
from .files import digest
from .job import Job
from .judgement import why_not_good
from .locks import hold_job
from .record import Record, read_record
from .seen import altered, remember

__all__ = ["forget", "keep", "take_back"]


def keep(job: Job, record: Record) -> None:
    """Keep the files of an artefact whose own content is good, by links; where the disk has none, they are not kept."""
    place = _place(job)
    forget(job)
    if altered(job.folder, record):
        return
    # Links change the files' times, and so their looks: what was seen to be good is remembered anew.
    try:
        for name in (*job.outputs, "made.json"):
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(os.path.realpath(Path(job.folder, name)), target)
    except OSError:
        forget(job)
    with suppress(OSError):
        remember(job.folder, record)


def forget(job: Job) -> None:
    """Drop what is kept of an artefact."""
    if (place := _place(job)).is_dir():
        shutil.rmtree(place, ignore_errors=True)


def take_back(job: Job) -> bool:
    """Put a kept artefact in place again if it is good now; whether it was."""
    place = _place(job)
    if not Path(place, "made.json").exists():
        return False
    with hold_job(job.folder):
        record = read_record(place)
        inputs = {folder: read_record(folder) for folder in job.inputs}
        code_of(job.code, fresh=True)
        if record is None or why_not_good(job, record, inputs, look=False) or _changed(place, record):
            return False
        for name in (*job.outputs, "made.json"):
            target = Path(job.folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(place / name, target)
            os.utime(target)
        remember(job.folder, record)
        forget(job)
    return True


def _changed(place: Path, record: Record) -> bool:
    with suppress(OSError):
        return any(digest(place / name) != sha for name, sha in record.outputs.items())
    return True


def _place(job: Job) -> Path:
    return Path("scratch", "kept", job.folder)
