"""What ``hardmine show`` prints of one plan: its results, how far it is, or what tuning chose."""

import sys
from contextlib import suppress
from pathlib import Path

import yaml

from hardmine.artefacts import state_of
from hardmine.datasets.items import read_items
from hardmine.datasets.split_sizes import words_for
from hardmine.errors import UserError
from hardmine.figures.terminal import print_results
from hardmine.settings import Plan, chosen_runs, jobs_of, making
from hardmine.training.resolved import read_choice

from .belonging import other_pictures, record_of_report

__all__ = ["show_chosen", "show_results"]


def show_results(plan: Plan, path: Path, test: bool) -> None:
    """Print the results of a plan, or how far it is; both where the report is of other settings.

    Args:
        plan: the plan.
        path: its file.
        test: print the results on test classes too.

    Raises:
        UserError: nothing of the plan is made.
        FailedRunsError: after printing, where trainings failed.
    """
    folder = Path("report", plan.plan)
    if not (folder / "made.json").exists():
        if not _print_state(plan):
            raise UserError(f"{path}: nothing of it is made here. {making(path)}")
        return
    try:
        record_of_report(plan, path)
    except UserError as error:
        print(f"{error} What follows is the report as it was made.", file=sys.stderr)
        _print_state(plan)
    if remark := other_pictures(plan, path):
        print(remark, file=sys.stderr)
    with suppress(UserError):
        items = read_items(Path(plan.packed_folder(plan.seeds[0]), "items.csv"))
        print(f"{plan.dataset.name}: {words_for(items)}")
    print_results(folder, test, making(path))


def show_chosen(plan: Plan, path: Path) -> None:
    """Print the runs of a tuned plan with their chosen values, to paste into a plan.

    Raises:
        UserError: the plan tunes nothing, or nothing is chosen yet.
    """
    if plan.tuning is None or not plan.searched:
        raise UserError(f"{path}: tunes nothing; add tuning: {{trials: 16}} to it.")
    folders = {run: Path("tuning", plan.plan, run, "choice") for run in plan.searched}
    if missing := [run for run, folder in folders.items() if not (folder / "chosen.json").exists()]:
        raise UserError(f"{path}: nothing is chosen here yet for {', '.join(missing)}. {making(path)}")
    choices = {run: read_choice(folder) for run, folder in folders.items()}
    runs = {"runs": chosen_runs(plan, choices)}
    print(f"# Chosen by plan '{plan.plan}' of {path}: {plan.tuning.trials} trials, {plan.tuning.folds} folds.")
    print(yaml.safe_dump(runs, sort_keys=False, default_flow_style=None, width=120), end="")


def _print_state(plan: Plan) -> bool:
    """How many artefacts are made, what runs, and how long it will take; False, and nothing, where none is begun."""
    state = state_of(jobs_of(plan))
    if not any(made for made, _ in state.made.values()) and not state.lines:
        return False
    print(", ".join(f"{verb} {made} of {count}" for verb, (made, count) in state.made.items()))
    for name, line in state.lines.items():
        print(f"{name}: {line}")
    if state.left is not None:
        print(f"about {state.left} left, at the pace so far")
    return True
