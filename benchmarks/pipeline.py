"""What the pipeline costs besides the work: python -m benchmarks.pipeline.

Start-up of every command, with what it imports; settling and building the DAG of plans with 1,000 and 10,000 jobs (a
dry run in an empty project); a call of Snakemake and of ``dvc repro`` where all is made, on the smoke plan in a folder
of its own; and, where ``make reproduce`` was run here in one go, its training jobs against the whole, from first job to
last.
"""

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from benchmarks import table
from benchmarks.table import Row

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
LINKED = ("Snakefile", "workflow", "profiles", "src", "requirements.lock")
IMPORTS = {
    "download": "hardmine.datasets.fetch",
    "preprocess": "hardmine.images.pack",
    "train": "hardmine.training.loop",
    "embed": "hardmine.training.embed",
    "evaluate": "hardmine.retrieval.evaluate",
    "figures": "hardmine.figures.report",
}
PROBE = "import os, hardmine.cli\nwith hardmine.cli.loading():\n    import {}\nos._exit(0)"  # as a command does it
COMMANDS = (("check",), ("settle",), ("schema",))
OVERHEAD = 1.25
PAUSE = 60  # seconds without a job after which a plan was made in more than one sitting


def environment() -> dict[str, str]:
    """Commands of this environment and the package of this checkout."""
    own = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src"), "DVC_NO_ANALYTICS": "1"}
    return {**os.environ, **own}


def call(folder: Path, *command: str) -> Callable[[], object]:
    """A command in a folder, its output kept back; an error ends the benchmark."""
    return lambda: subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)


def project(folder: Path, plan: dict[str, Any]) -> Path:
    """A folder with the workflow of this checkout and a plan in force."""
    folder.mkdir()
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    (folder / "params.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    return folder


def many(jobs: int) -> dict[str, Any]:
    """A plan with about as many jobs: three for each run and seed."""
    seeds = list(range(max(5, round((jobs / 30) ** 0.5))))
    runs = {
        f"run-{number}": {"method": "triplet", "selection": "random", "margin": 0.1 + 0.001 * number}
        for number in range(round(jobs / 3 / len(seeds)))
    }
    return {"plan": "many", "seeds": seeds, "baseline": "run-0", "dataset": {"name": "glyphs"}, "runs": runs}


def start_up() -> list[Row]:
    """Every command from nothing to the point where its work begins."""
    with tempfile.TemporaryDirectory() as place:
        folder = project(Path(place, "project"), yaml.safe_load((ROOT / "experiments/smoke.yaml").read_text()))
        ways = {verb: call(folder, sys.executable, "-c", PROBE.format(module)) for verb, module in IMPORTS.items()}
        ways |= {words[0]: call(folder, str(BIN / "hardmine"), *words) for words in COMMANDS}
        seconds = table.alternate(ways, rounds=3, clock=time.perf_counter)
    return [
        Row(
            "pipeline", f"start-up of {name}", value, "s", how="its imports" if name in IMPORTS else "the whole command"
        )
        for name, value in seconds.items()
    ]


def dags() -> list[Row]:
    """Settling and building the DAG, nothing made yet."""
    rows = []
    for jobs in (1000, 10_000):
        with tempfile.TemporaryDirectory() as place:
            folder = project(Path(place, "project"), many(jobs))
            dry_run = call(folder, str(BIN / "snakemake"), "--dry-run", "--quiet", "all")
            rounds = 3 if jobs < 5000 else 1
            seconds = table.alternate({"dry": dry_run}, rounds, warm=int(jobs < 5000), clock=time.perf_counter)["dry"]
            count = len(list((folder / "scratch/settings").rglob("*.json")))
            rows.append(
                Row("pipeline", f"dry run of {count:,} jobs", seconds, "s", how=f"{count / seconds:.0f} jobs/s")
            )
    return rows


def no_op() -> list[Row]:
    """Snakemake and DVC on a finished smoke plan."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "project")
        folder.mkdir()
        for command in ("git init -q", "dvc init -q"):
            call(folder, *command.split())()
        shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Snakefile", "workflow", "profiles", "dvc.yaml", ".gitignore", ".dvcignore", "requirements.lock"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, folder / name)
        shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
        shutil.copy2(ROOT / "experiments/smoke.yaml", folder / "params.yaml")
        call(folder, "dvc", "repro", "-q")()
        snakemake = call(folder, str(BIN / "snakemake"), "--cores", "all", "--quiet", "all")
        ways = {"snakemake": snakemake, "dvc repro": call(folder, "dvc", "repro", "-q")}
        seconds = table.alternate(ways, rounds=3, clock=time.perf_counter)
    return [
        Row("pipeline", f"{name}, all made", value, "s", how="smoke plan, 8 artefacts")
        for name, value in seconds.items()
    ]


def finished(plan: str) -> list[Row]:
    """The training jobs of a plan that was made here in one go, against the seconds from its first job to its last."""
    jobs = list((ROOT / "logs/train" / plan).rglob("*.tsv"))
    journal = ROOT / "logs/journal.csv"
    if not jobs or not journal.exists():
        return []
    training = 0.0
    for path in jobs:
        with path.open(newline="") as lines:
            training += float(next(csv.DictReader(lines, delimiter="\t"))["s"])
    spans, trained = [], 0
    for line in journal.read_text().splitlines():
        end, verb, folder, seconds = line.split(",")
        if f"/{plan}/" in f"{folder}/":
            last = datetime.fromisoformat(end).timestamp()
            spans.append((last - float(seconds), last))
            trained += verb == "train"
    spans.sort()
    pauses = [start - end for (_, end), (start, _) in pairwise(spans)]
    if trained != len(jobs) or max(pauses) > PAUSE:
        return []  # made in several sittings
    whole = max(end for _, end in spans) - spans[0][0]
    share = training / len(os.sched_getaffinity(0))
    how = f"{len(jobs)} training jobs by Snakemake's benchmark files; the whole by the journal of jobs"
    return [
        Row("pipeline", f"plan {plan}: whole against training ÷ cores", whole, "s", share, OVERHEAD, how=how),
        Row("pipeline", f"plan {plan}: from its first job to its last", whole, "s", at_most=480),
    ]


def run() -> list[Row]:
    return [*start_up(), *dags(), *no_op(), *finished("glyphs")]


if __name__ == "__main__":
    table.main(run)
