"""An artefact under another name that is what a job asks for."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from .circumstances import other_versions
from .code import changed_code, code_of
from .files import digest, writing
from .job import Job
from .notes import note_circumstance
from .record import Record, read_record

__all__ = ["take_twin"]


def take_twin(job: Job, folder: Path, places: str) -> str | None:
    """Copy the files of an artefact made with the same settings, code, libraries and inputs, if there is one.

    So what was made under a name that a plan does not use any more is not made again. The record of the copy will say
    what the files were made with, not what they were copied with.

    Args:
        job: what is asked for.
        folder: where its files go.
        places: pattern of the folders to look at.

    Returns:
        The folder of the twin, or None.
    """
    if job.folder.startswith("scratch/"):  # made again to see whether it comes out equal
        return None
    inputs = {name: record.outputs if (record := read_record(name)) else None for name in job.inputs}
    for path in sorted(Path().glob(f"{places}/made.json")):
        record = None if path == job.record_file else read_record(path.parent)
        if record is not None and _is_twin(job, record, inputs, path.parent):
            for name in job.outputs:
                with writing(folder / name) as temporary:
                    shutil.copyfile(path.parent / name, temporary)
            for name, value in record.made_with.items():
                note_circumstance(name, value)
            return str(path.parent)
    return None


def _is_twin(job: Job, record: Record, inputs: Mapping[str, dict[str, str] | None], place: Path) -> bool:
    if record.settings != job.settings or record.inputs != inputs or set(record.outputs) != set(job.outputs):
        return False
    if changed_code(record.code, code_of(job.code)) or other_versions(job, record):
        return False
    try:
        return all(digest(place / name) == sha for name, sha in record.outputs.items())
    except OSError:
        return False
