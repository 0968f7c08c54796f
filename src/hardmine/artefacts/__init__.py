"""What makes an artefact trustworthy: what made it, what it holds, and times that tell the truth."""

from .circumstances import digests_of, key_of
from .code import code_of
from .devices import devices_here, hold_device, listed_devices, said_of_devices
from .files import digest, open_regular, read_regular, write_text, writing
from .job import VERBS, WORK, Job
from .kept import take_back
from .locks import hold_job, hold_workflow, watch_workflow
from .making import making
from .notes import note_circumstance, note_earlier, note_failure, note_resolved
from .prune import prune
from .record import Record, read_record, resolved_settings
from .remake import accept, differences, drawn
from .running import seconds_taken, state_of
from .settle import settle, what_changed
from .twins import take_twin
from .verify import retire, verify, versions_apart

__all__ = [
    "VERBS",
    "WORK",
    "Job",
    "Record",
    "accept",
    "code_of",
    "devices_here",
    "differences",
    "digest",
    "digests_of",
    "drawn",
    "hold_device",
    "hold_job",
    "hold_workflow",
    "key_of",
    "listed_devices",
    "making",
    "note_circumstance",
    "note_earlier",
    "note_failure",
    "note_resolved",
    "open_regular",
    "prune",
    "read_record",
    "read_regular",
    "resolved_settings",
    "retire",
    "said_of_devices",
    "seconds_taken",
    "settle",
    "state_of",
    "take_back",
    "take_twin",
    "verify",
    "versions_apart",
    "watch_workflow",
    "what_changed",
    "write_text",
    "writing",
]
