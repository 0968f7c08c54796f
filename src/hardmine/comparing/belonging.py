"""Is a report of a plan as it is now?"""

from pathlib import Path

from hardmine.artefacts import Job, Record, read_record
from hardmine.artefacts.judgement import differing_keys
from hardmine.datasets.own_changes import changed_since_listed
from hardmine.errors import UserError
from hardmine.settings import Plan, jobs_of, making
from hardmine.settings.datasets import Folder

__all__ = ["other_pictures", "record_of_report"]

_SHOWN = 4


def record_of_report(plan: Plan, source: Path) -> Record:
    """The record of a plan's report, which has the plan's settings, as have the records of all that it stands on.

    What has no record any more, such as models that were not kept, is taken as the report's own record has it. Code is
    not looked at: ``hardmine settle`` does that.

    Raises:
        UserError: there is no report, or one of other settings or of other inputs.
    """
    *others, report = jobs_of(plan)
    record = read_record(report.folder)
    if record is None:
        raise UserError(f"{source}: has no report in {report.folder}. {making(source)}")
    records = {job.folder: record if job is report else read_record(job.folder) for job in (report, *others)}
    for job in (report, *others):
        own = records[job.folder]
        if _counts(job) and own is not None and (keys := differing_keys(own.settings, job.to_json()["settings"])):
            listed = ", ".join(keys[:_SHOWN]) + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
            raise UserError(
                f"{report.folder}: is not of {source} as it is now: {job.folder} was made with other settings "
                f"({listed}). {making(source)}"
            )
        for folder, outputs in own.inputs.items() if own is not None else ():
            now = records.get(folder)
            if now is not None and now.outputs != outputs:
                raise UserError(f"{job.folder}: is older than {folder}, which was made again. {making(source)}")
    return record


def other_pictures(plan: Plan, source: Path) -> str:
    """A sentence where the user's own images are others than those that were listed for the plan; else empty.

    Raises:
        UserError: the list is missing or damaged.
    """
    if not isinstance(plan.dataset, Folder) or read_record(raw := plan.dataset.raw_folder) is None:
        return ""
    changes = changed_since_listed(Path(raw), plan.dataset)
    since = f"{plan.dataset.place}: since it was listed for the results of {source}"
    return f"{since}: {changes}. {making(source)}" if changes else ""


def _counts(job: Job) -> bool:
    """Whether a job's settings are looked at: of what was tried, the choice among it says enough."""
    return job.verb != "download" and not Path(job.folder).name.startswith("trial")
