"""The tune verb: its three kinds of jobs, each imported when it is needed."""

from pathlib import Path

from hardmine.artefacts import Job

__all__ = ["tune"]


def tune(job: Job, folder: Path, threads: int, device_name: str) -> None:
    """Try a point of a search space, choose among all of a run, or write the table of them."""
    match Path(job.folder).name:
        case "choice":
            from .choice import choose

            choose(job, folder)
        case "table":
            from .choice import tabulate

            tabulate(job, folder)
        case _:
            from .trial import trial

            trial(job, folder, threads, device_name)
