"""One budget for every run: what a plan says of tuning, refused where it cannot be compared or cannot work."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .run import RunSettings
from .trials import Trial, search_of, trials_of, with_values
from .tuning import Tuning

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["budgeted_trials", "taken_keys"]


def budgeted_trials(plan: "Plan") -> dict[str, list[Trial]]:
    """The trials of every searched run; none where the plan tunes nothing.

    Raises:
        ValueError: what the plan says of tuning does not hold together; the message names the key.
    """
    if plan.tuning is None:
        for name, run in plan.runs.items():
            if run.tune is not None or run.like is not None:
                key = "like" if run.tune is None else "tune"
                raise ValueError(f"runs.{name}.{key}: the plan tunes nothing; add tuning: {{trials: 16}}")
        return {}
    for name, run in plan.runs.items():
        _refuse_search(plan, name, run)
    _folds_fit(plan, plan.tuning)
    trials = {name: trials_of(plan, name) for name in plan.searched}
    for name, own in trials.items():
        for trial in own:
            _acts_in_time(plan, plan.tuning, name, trial)
    for name, run in plan.runs.items():
        if run.like:
            _check_taken(plan, name, trials[run.like])
    _is_one_budget(plan, trials)
    return trials


def taken_keys(run: RunSettings, trials: Sequence[Trial]) -> list[str]:
    """The keys of another run's trials that a run with ``like`` has too, sorted."""
    sections = {"training", *(set(type(run).model_fields) - set(RunSettings.model_fields))}
    return sorted({key for trial in trials for key in trial.values if key.partition(".")[0] in sections})


def _check_taken(plan: "Plan", name: str, trials: Sequence[Trial]) -> None:
    """Refuse to take values that contradict a run's other settings, or that would replace what makes it another run."""
    run, other = plan.runs[name], plan.runs[str(plan.runs[name].like)]
    keys = taken_keys(run, trials)
    for key in keys:
        if key in run.model_fields_set and getattr(run, key) != getattr(other, key, None):
            raise ValueError(
                f"runs.{name}.like: would replace its {key} with what is found for {run.like}; search {name} itself, "
                f"or keep {key} out of the search (runs.{run.like}.tune)"
            )
    for trial in trials:
        where = f"runs.{name}.like: trial {trial.number} of {run.like}"
        with_values(plan, name, {key: value for key, value in trial.values.items() if key in keys}, where)


def _refuse_search(plan: "Plan", name: str, run: RunSettings) -> None:
    """Refuse what a run says of tuning where it has no meaning."""
    where = f"runs.{name}"
    if run.tune is not None and not run.trains:
        raise ValueError(f"{where}.tune: {run.method} trains nothing; leave the key out")
    if run.tune is not None and run.like:
        raise ValueError(f"{where}: tune and like contradict each other; a run searches, or takes what another found")
    if run.like is None:
        origin = plan.origin_of(run) if run.trains else None
        if origin and plan.training_of(plan.runs[origin]).split == plan.training_of(run).split:
            raise ValueError(
                f"{where}: starts from the run '{origin}', which has learned the classes that trials hold out; take "
                "the values of another run (like: <run>), or leave the run to a plan without tuning"
            )
        return
    other = plan.runs.get(run.like)
    if other is None:
        raise ValueError(f"{where}.like: there is no run '{run.like}'; the runs are {', '.join(plan.runs)}")
    if other.like or not other.trains or not run.trains:
        reason = "has no search of its own" if run.trains else f"is nothing to {run.method}, which trains nothing"
        raise ValueError(f"{where}.like: '{run.like}' {reason}; searched are {', '.join(plan.searched)}")


def _folds_fit(plan: "Plan", tuning: Tuning) -> None:
    folds = tuning.folds
    for split in sorted({plan.training_of(plan.runs[name]).split for name in plan.searched}):
        classes = plan.dataset.training_classes(split)
        if classes is not None and classes < 2 * folds:
            raise ValueError(
                f"tuning.folds: {folds} parts of {classes} {'training' if split == 'train' else split} classes leave "
                f"fewer than two in a part; at most {classes // 2}"
            )


def _acts_in_time(plan: "Plan", tuning: Tuning, name: str, trial: Trial) -> None:
    """Refuse batches of more classes than there are, and a budget at which a mechanism never starts."""
    images = plan.trial_images(trial)
    search = search_of(trial.run, trial.training.model_copy(update={"images": images}))
    asked, known = search.batch_classes, plan.classes_in_fold(name)
    split = trial.training.split
    kind = "training" if split == "train" else split
    if known is not None and asked > known:
        raise ValueError(
            f"runs.{name}: a batch has images of {asked} classes, but with {tuning.folds} folds of "
            f"{plan.dataset.training_classes(split)} {kind} classes a trial has {known}; use smaller batches "
            "or more folds"
        )
    there = plan.dataset.training_images(split)
    begins = search.acts_after(there and there * (tuning.folds - 1) // tuning.folds)
    if trial.training.warmup_steps:
        begins["training.warmup_steps"] = trial.training.warmup_steps * search.batch_images
    for mechanism, start in begins.items():
        if start >= images:
            values = "" if not trial.number else f" (trial {trial.number}: {trial.values})"
            raise ValueError(
                f"runs.{name}: {mechanism} begins to act after {start:,} training images, but a trial has "
                f"{images:,}{values}; give tuning.images more, or let it begin earlier"
            )


def _is_one_budget(plan: "Plan", trials: dict[str, list[Trial]]) -> None:
    """Under the fair protocol every run has as many images a trial."""
    budgets = {name: plan.trial_images(own[0]) for name, own in trials.items()}
    if plan.evaluation.protocol == "fair" and len(set(budgets.values())) > 1:
        least, most = min(budgets, key=lambda run: budgets[run]), max(budgets, key=lambda run: budgets[run])
        raise ValueError(
            f"tuning: the trials of {most} have {budgets[most]:,} images, those of {least} {budgets[least]:,}; "
            "under evaluation.protocol: fair all runs have as many: set tuning.images"
        )
