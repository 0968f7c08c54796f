"""``made.json``: the record beside every artefact of what made it and what it holds."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .files import write_text
from .job import Job

__all__ = ["Record", "key_of", "read_record", "write_record"]


@dataclass(frozen=True)
class Record:
    """Content of ``made.json``.

    Attributes:
        settings: the resolved settings of the job.
        inputs: for every input folder, the digests its own record gave when it was read.
        outputs: SHA-256 of every output file.
        sizes: bytes of every output file.
        made_with: versions of the libraries that matter, the processor, the commit; not part of the judgement.
    """

    settings: dict[str, Any]
    inputs: dict[str, dict[str, str]]
    outputs: dict[str, str]
    sizes: dict[str, int]
    made_with: dict[str, str]


def read_record(folder: str | Path) -> Record | None:
    """Read the record of an artefact; None where it is missing or not readable as one."""
    try:
        record = Record(**json.loads(Path(folder, "made.json").read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    mappings = (record.settings, record.inputs, record.outputs, record.sizes, record.made_with)
    return record if all(isinstance(value, dict) for value in mappings) else None


def write_record(folder: str | Path, record: Record) -> None:
    """Write ``made.json`` under a temporary name, then rename it."""
    write_text(Path(folder, "made.json"), json.dumps(asdict(record), indent=1, sort_keys=True) + "\n")


def key_of(job: Job) -> str:
    """Digest of a job's settings and of its inputs' contents: what an interrupted job may go on from; 64 hex digits."""
    records = {folder: read_record(folder) for folder in job.inputs}
    inputs = {folder: record.outputs if record else None for folder, record in records.items()}
    return hashlib.sha256(json.dumps([job.settings, inputs], sort_keys=True).encode()).hexdigest()
