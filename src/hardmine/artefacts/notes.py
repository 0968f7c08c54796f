"""What the work of a job tells its record, beside the files that it writes."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Notes", "note_circumstance", "note_earlier", "note_failure", "note_resolved", "take_notes"]


@dataclass
class Notes:
    """See ``Record``.

    Attributes:
        circumstances: go into ``made_with``.
        resolved: settings as they came out.
        failed: why a training failed.
        earlier: seconds of the job before it was stopped, for the journal.
    """

    circumstances: dict[str, str] = field(default_factory=dict)
    resolved: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, Any] = field(default_factory=dict)
    earlier: float = 0.0


_notes = Notes()


def note_circumstance(name: str, value: str) -> None:
    """Have the record of the artefact that this process makes say what its work alone knows, such as the device."""
    _notes.circumstances[name] = value


def note_resolved(sections: dict[str, Any]) -> None:
    """Have the record say how settings came out that name an artefact."""
    _notes.resolved = sections


def note_failure(reason: str, step: int, counts: str) -> None:
    """Have the record say that a training failed: why, at which step, and what it counts with."""
    _notes.failed = {"reason": reason, "step": step, "counts": counts}


def note_earlier(seconds: float) -> None:
    """Have the journal count the time that was taken before the job was stopped, up to where it goes on."""
    _notes.earlier = seconds


def take_notes() -> Notes:
    """The notes of the work since the last call."""
    global _notes
    taken, _notes = _notes, Notes()
    return taken
