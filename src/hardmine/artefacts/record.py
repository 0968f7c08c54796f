"""``made.json``: the record beside every artefact of what made it and what it holds."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from hardmine.errors import UserError

from .files import read_regular, write_text

__all__ = ["LARGEST", "Record", "read_record", "resolved_settings", "write_record"]

LARGEST = 64 * 2**20
"""Bytes of a file of JSON that the pipeline keeps for itself."""


@dataclass(frozen=True)
class Record:
    """Content of ``made.json``.

    Attributes:
        settings: the resolved settings of the job.
        inputs: for every input folder, the digests its own record gave when it was read.
        outputs: SHA-256 of every output file.
        sizes: bytes of every output file.
        made_with: versions of the libraries that matter, processor, device, threads, commit; not part of the judgement,
            but for versions where the plan says ``versions: strict``.
        code: the files of code that decide it, with a digest of each, see ``code_of``.
        accepted: where it was made under other code that was shown to be equal: the digest of that code (``code``) and
            the artefact that was made again with equal bytes (``remade``).
        resolved: where settings name an artefact that decides some of them (a tuned training its choice), those
            sections as they came out.
        failed: where a training collapsed or diverged, the ``reason``, the ``step``, and what it ``counts`` with.
    """

    settings: dict[str, Any]
    inputs: dict[str, dict[str, str]]
    outputs: dict[str, str]
    sizes: dict[str, int]
    made_with: dict[str, str]
    code: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    resolved: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, Any] = field(default_factory=dict)


def resolved_settings(record: Record) -> dict[str, Any]:
    """The settings that an artefact was made with, those in it that another artefact decided too."""
    return {**record.settings, **record.resolved}


def read_record(folder: str | Path) -> Record | None:
    """Read the record of an artefact; None where it is missing or not readable as one."""
    try:
        record = Record(**json.loads(read_regular(Path(folder, "made.json"), LARGEST)))
    except (OSError, ValueError, TypeError, RecursionError, UserError):
        return None
    return record if all(isinstance(getattr(record, item.name), dict) for item in fields(record)) else None


def write_record(folder: str | Path, record: Record) -> None:
    """Write ``made.json`` under a temporary name, then rename it."""
    write_text(Path(folder, "made.json"), json.dumps(asdict(record), indent=1, sort_keys=True) + "\n")
