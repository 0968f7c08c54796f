"""A rehearsal on a terminal, and as rows of a table of plans."""

import csv
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hardmine.artefacts import writing
from hardmine.foreign import shown

from .pricing import PlanPrice, RunPrice

__all__ = ["duration", "print_plan", "write_table"]

COLUMNS = ("s a step", "refreshes", "validation", "embed", "evaluate", "a training", "memory", "device")
GB = 1e9


def print_plan(price: PlanPrice, circumstances: dict[str, Any]) -> None:
    """Print what a plan takes: a line a run, its sums, what was extrapolated, what failed."""
    console = Console(width=max(110, Console().width))
    table = Table(title=f"{price.plan}: {price.images:,} images of {price.dataset} ({shown(price.source)})")
    table.add_column("run", overflow="fold")
    for name in ("steps", *COLUMNS):
        table.add_column(name, justify="right")
    for run in price.runs:
        table.add_row(Text(run.run), *(_cells(run) if not run.failed else [Text("failed", style="red")]))
    console.print(table)
    for run in price.runs:
        for sentence in (f"failed: {run.failed}",) if run.failed else run.notes:
            console.print(f"{run.run}: {shown(sentence)}", markup=False, highlight=False)
    trials = sum(run.trials for run in price.runs)
    tuning = f" and {trials} trials of tuning" if trials else ""
    console.print(
        f"{price.seeds * len(price.runs)} trainings{tuning}: {duration(price.core_seconds)} of one core, "
        f"{duration(price.wall_seconds)} on {price.cores}; {price.host_bytes / GB:.1f} GB of memory with as "
        f"many jobs at once, {price.disk_bytes / GB:.1f} GB of disk for packed images.",
        markup=False,
        highlight=False,
    )
    where = f"{circumstances['processor']}, one thread a job, torch {circumstances['torch']}"
    console.print(
        f"Measured on {where}; a GPU's hours are another matter. 'device' is an estimate of the memory that training "
        "takes on a GPU. Download, packing and the report are not rehearsed.",
        markup=False,
        highlight=False,
    )


def write_table(path: Path, prices: Sequence[PlanPrice], circumstances: dict[str, Any]) -> None:
    """Write a CSV file with a row a plan.

    Columns: ``plan, dataset, trainings, trials, failed`` (runs)``, million_images`` (through the network in training),
    ``image_ms`` (the median over runs), ``core_hours, host_gb`` (of a job), ``device_gb, extrapolated`` (runs),
    ``processor``.
    """
    names = ("plan", "dataset", "trainings", "trials", "failed", "million_images", "image_ms", "core_hours", "host_gb")
    with writing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*names, "device_gb", "extrapolated", "processor"])
        for price in prices:
            good = [run for run in price.runs if not run.failed]
            trained = [run for run in good if run.images]
            each = [1000 * run.step_seconds * run.steps / run.images for run in trained]
            numbers = [
                sum(run.images for run in good) * price.seeds / 1e6,
                median(each) if each else 0.0,
                price.core_seconds / 3600,
                max((run.host_bytes for run in good), default=0.0) / GB,
                max((run.device_bytes for run in good), default=0.0) / GB,
            ]
            values = [f"{number:.4g}" for number in numbers]
            trials = sum(run.trials for run in price.runs)
            trainings = price.seeds * (len(trained) + len(price.failed))
            head = [price.plan, price.dataset, trainings, trials, len(price.failed)]
            extrapolated = sum(bool(run.notes) for run in good)
            table.writerow([*head, *values, extrapolated, circumstances["processor"]])


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 99:
        return f"{seconds:.3g} s"
    if seconds < 99 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h" if seconds < 99 * 3600 else f"{seconds / 3600:,.0f} h"


def _cells(run: RunPrice) -> list[str]:
    spans = (run.refresh_seconds, run.validation_seconds, run.embed_seconds, run.evaluate_seconds, run.seconds)
    memory = (f"{value / GB:.1f} GB" for value in (run.host_bytes, run.device_bytes))
    return [f"{run.steps:,}", f"{run.step_seconds:.3g}", *map(duration, spans), *memory]
