"""Artefacts made again beside those there are, to see whether present code gives the recorded bytes."""

import dataclasses
import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

from hardmine.errors import UserError

from .code import code_of
from .files import write_text
from .job import Job
from .judgement import why_not_good
from .record import Record, read_record, write_record

__all__ = ["accept", "differences", "drawn"]

PLACE = "scratch/remake"
"""Where artefacts are made again, in folders of their own names."""


def drawn(jobs: Sequence[Job], verbs: Sequence[str], count: int) -> list[Job]:
    """Artefacts to make again, drawn anew at each call among those of the verbs that have a record and code.

    Raises:
        UserError: there is none.
    """
    made = [job for job in jobs if job.verb in verbs and job.code and read_record(job.folder)]
    if not made:
        raise UserError(f"nothing to make again: no artefact of {', '.join(verbs)} is there. Run the plan first.")
    return random.sample(made, min(count, len(made)))


def differences(job: Job) -> list[str]:
    """Make an artefact again under ``scratch/remake/`` with the present code; files that come out otherwise.

    The settings, inputs, threads and kind of device are those of its record. What came out equal is removed again.

    Raises:
        UserError: the artefact has no record, or making it again failed.
    """
    record = read_record(job.folder)
    if record is None:
        raise UserError(f"{job.record_file}: missing or not readable. 'snakemake --cores all' makes it again.")
    again = dataclasses.replace(job, folder=f"{PLACE}/{job.folder}")
    write_text(again.settings_file, json.dumps(again.to_json(), indent=1, sort_keys=True) + "\n")
    command = [sys.executable, "-m", "hardmine.cli", job.verb, str(again.settings_file)]
    command += ["--threads", record.made_with.get("threads") or "1"]
    if job.verb in ("tune", "train", "embed"):
        command += ["--device", "cpu" if record.made_with.get("device", "cpu") == "cpu" else "auto"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    again.settings_file.unlink()
    if done.returncode:
        last = (done.stderr or done.stdout).strip().removeprefix("hardmine: ")
        raise UserError(f"{job.folder}: could not be made again: {last or f'exit code {done.returncode}'}")
    found = read_record(again.folder)
    assert found is not None
    other = sorted(name for name in job.outputs if found.outputs[name] != record.outputs.get(name))
    if not other:
        shutil.rmtree(again.folder)
    return [f"{again.folder}/{name}" for name in other]


def accept(jobs: Sequence[Job], verbs: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Record artefacts under the present code where a remake shows that it makes the same bytes.

    For every run (or data set, or report) whose artefacts are good but for their code, one artefact of each pair of old
    and present code is made again; if it comes out equal, all of that run and pair are recorded under the present code,
    each with the remake that vouches for it. Others are left as they are.

    Yields:
        A sentence for each artefact that was remade, and whether it came out equal.
    """
    good: dict[str, Record | None] = {}
    verdicts: dict[tuple[str, ...], str | None] = {}
    for job in jobs:
        record = read_record(job.folder)
        why = why_not_good(job, record, good)
        good[job.folder] = None if why else record
        if record is None or not why.startswith("code: ") or job.verb not in verbs:
            continue
        now = code_of(job.code)
        renewed = dataclasses.replace(record, code=now)
        if why_not_good(job, renewed, good):
            continue
        group = (job.verb, str(job.where.get("run", job.folder)), _key(record.code), _key(now))
        if group not in verdicts:
            other = differences(job)
            verdicts[group] = None if other else job.folder
            found = (
                f"other bytes under the present code ({', '.join(other)})" if other else "equal under the present code"
            )
            yield f"{job.folder}: {found}", not other
        witness = verdicts[group]
        if witness is not None:
            accepted = {"code": _key(record.code), "remade": witness}
            good[job.folder] = renewed = dataclasses.replace(renewed, accepted=accepted)
            write_record(job.folder, renewed)


def _key(code: dict[str, str]) -> str:
    """One digest of a state of the code, 16 hex digits."""
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:16]
