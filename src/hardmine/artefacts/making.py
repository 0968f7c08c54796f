"""The frame around every job: locks, inputs checked, outputs recorded."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hardmine.errors import StoppedError, UserError

from .circumstances import circumstances
from .code import changed_code, code_of
from .files import digest
from .job import Job
from .kept import forget
from .locks import hold_job, watch_workflow, workflow_name
from .notes import take_notes
from .record import Record, read_record, write_record
from .running import JOURNAL
from .seen import altered, remember

__all__ = ["making"]


@contextmanager
def making(job: Job) -> Iterator[Path]:
    """Yield the folder to write into; on a good end, record what made the artefact and what it holds.

    Raises:
        UserError: an input is not what its record names; an input or the code was altered meanwhile; an output was not
            written.
    """
    watch_workflow()
    with hold_job(job.folder), _failing_once(job):
        inputs = {folder: _checked(folder) for folder in job.inputs}
        folder = Path(job.folder)
        folder.mkdir(parents=True, exist_ok=True)
        job.record_file.unlink(missing_ok=True)
        for leftover in (*folder.rglob(".*.tmp*"), *job.scratch.glob(".*.tmp*")):
            leftover.unlink()  # of a killed process; nobody else writes here under the job's lock
        code = code_of(job.code, fresh=True)
        start = time.monotonic()
        take_notes()
        yield folder
        notes = take_notes()
        if changed := changed_code(code, code_of(job.code, fresh=True)):
            raise UserError(f"{folder}: {', '.join(changed)} changed while it was made. Run the same command again.")
        missing = [name for name in job.outputs if not (folder / name).is_file()]
        if missing:
            raise UserError(f"{folder}: {', '.join(missing)} was not written.")
        for upstream in job.inputs:
            _checked(upstream, "altered while it was read")
        record = Record(
            settings=job.settings,
            inputs=inputs,
            outputs={name: digest(folder / name) for name in job.outputs},
            sizes={name: (folder / name).stat().st_size for name in job.outputs},
            made_with=circumstances(job) | notes.circumstances,
            code=code,
            resolved=notes.resolved,
            failed=notes.failed,
        )
        write_record(folder, record)
        remember(job.folder, record)
        shutil.rmtree(job.scratch, ignore_errors=True)
        forget(job)
        _note(job, notes.earlier + time.monotonic() - start)


@contextmanager
def _failing_once(job: Job) -> Iterator[None]:
    """Fail at once, with the same words, where this workflow has seen the job fail: trying again is for kills."""
    name, failure = workflow_name(), job.scratch / "failure"
    try:
        seen_by, _, words = failure.read_text().partition("\n")
    except OSError:
        seen_by, words = "", ""
    if name and name == seen_by:
        raise UserError(words)
    try:
        yield
    except StoppedError:
        raise
    except UserError as error:
        with suppress(OSError):
            failure.parent.mkdir(parents=True, exist_ok=True)
            failure.write_text(f"{name}\n{error}")
        raise


def _note(job: Job, seconds: float) -> None:
    """Add a line to the journal, ``logs/journal.csv`` or the file that HARDMINE_JOURNAL names: when, what, how long."""
    path = Path(os.environ.get("HARDMINE_JOURNAL", JOURNAL))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')},{job.verb},{job.folder},{seconds:.2f}\n")


def _checked(folder: str, fault: str = "missing, truncated or altered") -> dict[str, str]:
    """The digests that an input's record names, if its files are what it names."""
    record = read_record(folder)
    if record is None:
        raise UserError(f"{folder}/made.json: missing or not readable. 'snakemake --cores all' makes it again.")
    for name in altered(folder, record):
        raise UserError(f"{Path(folder, name)}: {fault}. 'snakemake --cores all' makes it again.")
    return record.outputs
