"""What makes an artefact trustworthy: what made it, what it holds, and times that tell the truth."""

from .devices import hold_device
from .files import digest, write_text, writing
from .job import VERBS, WORK, Job
from .locks import hold_job, hold_workflow, watch_workflow
from .making import making
from .prune import prune
from .record import Record, key_of, read_record
from .settle import settle
from .verify import retire, verify

__all__ = [
    "VERBS",
    "WORK",
    "Job",
    "Record",
    "digest",
    "hold_device",
    "hold_job",
    "hold_workflow",
    "key_of",
    "making",
    "prune",
    "read_record",
    "retire",
    "settle",
    "verify",
    "watch_workflow",
    "write_text",
    "writing",
]
