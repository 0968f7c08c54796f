"""From a plan to what has to be measured: each different combination of settings once, whatever runs have it."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hardmine.artefacts import Job, code_of, digest
from hardmine.datasets.items import read_items
from hardmine.errors import UserError, nearest
from hardmine.settings import Plan, jobs_of

from .counts import counts_of

__all__ = ["Effort", "Rehearsed", "evaluation_task", "key_of", "rehearsed_runs"]

_WORK = {"train": "hardmine.rehearsing.training:rehearse", "evaluate": "hardmine.rehearsing.evaluation:rehearse"}
"""What does the work of each kind of task."""


@dataclass(frozen=True)
class Effort:
    """How much is put into a rehearsal.

    Attributes:
        steps: whole steps that are timed.
        limit: seconds that a part may take before it is extrapolated.
        children: measured at once; free memory is shared among them.
        images: of the whole data set, where nothing else says it.
        classes: likewise.
    """

    steps: int = 3
    limit: float = 20.0
    children: int = 1
    images: int | None = None
    classes: int | None = None


@dataclass(frozen=True)
class Rehearsed:
    """A run of a plan with what has to be measured for it.

    Attributes:
        name: of the run.
        train: the task of its training.
        evaluation: settings of its evaluation.
        code: import strings behind it.
    """

    name: str
    train: dict[str, Any]
    evaluation: dict[str, Any]
    code: tuple[str, ...]


def rehearsed_runs(plan: Plan, effort: Effort, only: str | None = None) -> tuple[list[Rehearsed], dict[str, Any]]:
    """The runs of a plan, in its order, and the data set that all have.

    Args:
        plan: the plan.
        effort: of the rehearsal.
        only: the name of the one run that is wanted.

    Raises:
        UserError: there is no such run, or nothing says how many images there are.
    """
    if only is not None and only not in plan.runs:
        raise UserError(
            f"--run: there is no run '{only}'{nearest(only, plan.runs)}; the runs are {', '.join(plan.runs)}."
        )
    jobs = {(job.verb, job.where["run"]): job for job in reversed(jobs_of(plan)) if "seed" in job.where}
    data = _data(plan, effort)
    names = [only] if only else list(plan.runs)
    return [_rehearsed(jobs, name, data, effort) for name in names], data


def evaluation_task(run: Rehearsed, outputs: Mapping[str, int], effort: Effort) -> dict[str, Any]:
    """The task of a run's evaluation, once it is known which embeddings its network gives."""
    own = {"settings": run.evaluation, "data": run.train["data"], "outputs": dict(outputs)}
    return {"kind": "evaluate", **own, "limit": effort.limit, "threads": 1}


def key_of(task: Mapping[str, Any], code: tuple[str, ...]) -> str:
    """Digest of what a measurement hangs on: settings, effort, code, libraries, this machine; 64 hex digits."""
    libraries = {name: version(name) for name in ("torch", "torchvision", "numpy", "faiss-cpu", "scikit-learn")}
    machine = [platform.node(), platform.machine(), platform.python_version()]
    told = {key: value for key, value in task.items() if key != "memory_share"}
    deciding = [told, sorted(code_of((_WORK[task["kind"]], *code)).items()), libraries, machine]
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def _rehearsed(jobs: Mapping[tuple[str, str], Job], name: str, data: dict[str, Any], effort: Effort) -> Rehearsed:
    train, embed, evaluate = (jobs[verb, name] for verb in ("train", "embed", "evaluate"))
    settings = {key: train.settings[key] for key in ("method", "backbone", "training", "seed")}
    task = {
        "kind": "train",
        "settings": settings,
        "embed": embed.settings,
        "data": data,
        "steps": effort.steps,
        "limit": effort.limit,
        "threads": 1,
        "memory_share": 1 / effort.children,
    }
    return Rehearsed(name, task, evaluate.settings, (*train.code, *embed.code))


def _data(plan: Plan, effort: Effort) -> dict[str, Any]:
    """The plan's data set as a task has it: the packed list where it is there, else counts."""
    dataset = plan.dataset
    packed = Path(plan.packed_folder(plan.seeds[0]), "items.csv")
    shape = {"size": dataset.size, "channels": dataset.channels}
    if packed.is_file():
        items = read_items(packed)
        counts = {split: (len(rows := items.rows(split)), len(set(items.labels(rows)))) for split in set(items.splits)}
        found = {key: list(two) for key, two in sorted(counts.items())}
        return {
            **shape,
            "list": str(packed.resolve()),
            "digest": digest(packed),
            "counts": found,
            "source": str(packed),
        }
    counts, source = counts_of(dataset, effort.images, effort.classes)
    return {**shape, "counts": {key: list(two) for key, two in counts.items()}, "source": source}
