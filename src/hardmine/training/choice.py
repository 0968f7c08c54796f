"""From the scores of all trials of a run to the values that its training takes."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardmine.artefacts import Job, write_text, writing
from hardmine.errors import UserError

__all__ = ["Scored", "choose", "chosen_trial", "tabulate"]

METRIC = "map@r"


@dataclass(frozen=True)
class Scored:
    """A trial with its scores.

    Attributes:
        values: the searched keys, none in trial 0.
        distance: from trial 0 in the search space.
        folds: ``map@r`` of each fold, 0 where it failed.
        recall: ``recall@1`` of each.
        failed: reasons of the folds that failed.
    """

    values: dict[str, Any]
    distance: float
    folds: tuple[float, ...]
    recall: tuple[float, ...]
    failed: tuple[str, ...]

    @property
    def mean(self) -> float:
        """``map@r``, over folds."""
        return float(np.mean(self.folds))


def choose(job: Job, folder: Path) -> None:
    """Write ``chosen.json``: the values of the chosen trial alone, none where it is trial 0."""
    trials = _read(job)
    values = trials[chosen_trial(trials, job.settings["rule"])].values
    write_text(folder / "chosen.json", json.dumps({"values": values}, indent=1, sort_keys=True) + "\n")


def chosen_trial(trials: Sequence[Scored], rule: str) -> int:
    """The number of the trial that a rule chooses.

    Args:
        trials: from trial 0.
        rule: ``best``: the highest mean over folds, the first of equal ones. ``one-standard-error``: of the trials
            whose mean is at most one standard error below the best, of their difference over folds, the one nearest
            to trial 0.
    """
    means = [trial.mean for trial in trials]
    best = int(np.argmax(means))
    if rule == "best":
        return best
    near = [number for number, trial in enumerate(trials) if _within(trial, trials[best])]
    return min(near, key=lambda number: (trials[number].distance, -means[number], number))


def tabulate(job: Job, folder: Path) -> None:
    """Write ``trials.csv``: every trial with its values, the mean and standard error over folds, and what became of it.

    Columns: ``trial, searched`` (own, rate or all), a column a key, ``map@r, map@r_se, recall@1, below_best,
    below_best_se`` (of the paired difference over folds), ``distance, failed, rule, chosen``.
    """
    trials, rule = _read(job), job.settings["rule"]
    chosen = chosen_trial(trials, rule)
    best = max(trials, key=lambda trial: trial.mean)
    keys = list(dict.fromkeys(key for trial in trials for key in trial.values))
    columns = ["map@r", "map@r_se", "recall@1", "below_best", "below_best_se"]
    with writing(folder / "trials.csv") as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["trial", "searched", *keys, *columns, "distance", "failed", "rule", "chosen"])
        for number, trial in enumerate(trials):
            gaps = np.subtract(best.folds, trial.folds)
            numbers = [trial.mean, _error(trial.folds), np.mean(trial.recall), np.mean(gaps), _error(gaps)]
            searched = "own" if number == 0 else "rate" if number <= job.settings["rate_trials"] else "all"
            values = [json.dumps(trial.values[key]) if key in trial.values else "" for key in keys]
            rest = [f"{trial.distance:.6g}", len(trial.failed), rule, "yes" if number == chosen else ""]
            table.writerow([number, searched, *values, *(f"{value:.9g}" for value in numbers), *rest])


def _within(trial: Scored, best: Scored) -> bool:
    gaps = np.subtract(best.folds, trial.folds)
    return bool(np.mean(gaps) <= _error(gaps))


def _error(values: Sequence[float] | np.ndarray) -> float:
    """The standard error of a mean over folds."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def _read(job: Job) -> list[Scored]:
    return [
        _scored(Path(folder, "scores.json"), trial)
        for folder, trial in zip(job.inputs, job.settings["trials"], strict=True)
    ]


def _scored(path: Path, trial: Mapping[str, Any]) -> Scored:
    try:
        folds = json.loads(path.read_text(encoding="utf-8"))["folds"]
        return Scored(
            values=trial["values"],
            distance=float(trial["distance"]),
            folds=tuple(float(fold[METRIC]) for fold in folds),
            recall=tuple(float(fold["recall@1"]) for fold in folds),
            failed=tuple(fold["failed"] for fold in folds if fold["failed"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}). 'snakemake --cores all' makes it again.") from None
