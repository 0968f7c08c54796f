"""The verbs as commands: each makes the artefacts of settings files, inside one frame."""

import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from hardmine.artefacts import WORK, Job, making, take_back
from hardmine.errors import UserError
from hardmine.loading import loading
from hardmine.processors import limit_threads

__all__ = ["download", "embed", "evaluate", "figures", "preprocess", "train", "tune"]

SettingsFile = Annotated[Path, typer.Argument(help="A settings file that 'snakemake' or 'hardmine settle' wrote.")]
SettingsFiles = Annotated[list[Path], typer.Argument(help="Settings files, made one after another.")]
Threads = Annotated[int, typer.Option(help="Threads of every library.", min=1, max=1024)]
EvaluationDevice = Annotated[str, typer.Option(help="Of the searches: cpu, auto, cuda, cuda:<n>; same metrics.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:<n>.")]


def download(settings: SettingsFile, threads: Threads = 1) -> None:
    """Fetch a data set's files as published."""
    _run("download", settings, threads)


def preprocess(settings: SettingsFile, threads: Threads = 1) -> None:
    """Pack a data set into one array and its list."""
    _run("preprocess", settings, threads, threads)


def tune(settings: SettingsFile, threads: Threads = 1, device: Device = "auto") -> None:
    """Try one point of a run's search space, or choose among all of them."""
    _run("tune", settings, threads, threads, device)


def train(settings: SettingsFile, threads: Threads = 1, device: Device = "auto") -> None:
    """Train one run with one seed."""
    _run("train", settings, threads, threads, device)


def embed(settings: SettingsFiles, threads: Threads = 1, device: Device = "auto") -> None:
    """Embed validation and test images with trained networks."""
    for path in settings:
        _run("embed", path, threads, threads, device)


def evaluate(settings: SettingsFiles, threads: Threads = 1, device: EvaluationDevice = "cpu") -> None:
    """Measure retrieval and clustering."""

    def prepared() -> str:
        if device == "cpu":
            return device
        from hardmine.training.device import prepare_device

        return str(prepare_device(device, threads, alone=True))

    for path in settings:
        _run("evaluate", path, threads, threads, prepared)


def figures(settings: SettingsFile, threads: Threads = 1) -> None:
    """Make the report: tables, figures, the page."""
    _run("figures", settings, threads)


def _run(verb: str, settings: Path, threads: int, *passed: int | str | Callable[[], str]) -> None:
    """Frame of every verb: threads first, then the job between its checks and its record.

    Args:
        verb: of the command.
        settings: the job's file.
        threads: of every library.
        passed: what the verb's work gets beside the job and its folder; a function is called for it when work begins.
    """
    limit_threads(threads)
    job = Job.read(settings)
    if job.verb != verb:
        raise UserError(f"{settings}: belongs to '{job.verb}', not to '{verb}'.")
    if take_back(job):
        print(f"{job.folder}: as it was, since its inputs came out as they were", flush=True)
        return
    start = time.monotonic()
    with making(job) as folder:
        module, _, name = WORK[verb].partition(":")
        with loading():
            work = getattr(import_module(module), name)
        work(job, folder, *(part() if callable(part) else part for part in passed))
        if "data_report" in job.settings:
            from hardmine.inspecting.planned import data_report

            data_report(job, folder, threads)
    print(f"{job.folder}: made in {time.monotonic() - start:.1f} s", flush=True)
