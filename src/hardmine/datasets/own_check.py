"""Whether the user's own images are there as a plan needs them, before anything runs."""

from hardmine.errors import UserError
from hardmine.settings import Plan
from hardmine.settings.datasets import Folder
from hardmine.settings.trials import search_of

from .folder import look
from .split_sizes import sizes_of, words_for

__all__ = ["check_own_images", "require_classes"]


def check_own_images(plan: Plan) -> str:
    """Look at the folder of a plan on the user's own images; prints what is passed over.

    Returns:
        A sentence with images and classes of each split; a warning where there is no such folder here; empty for other
        data sets.

    Raises:
        UserError: the images or their list cannot be used, or batches ask for more classes than there are.
    """
    dataset = plan.dataset
    if not isinstance(dataset, Folder):
        return ""
    if not dataset.place.is_dir():
        return f"warning: there is no folder {dataset.place} here, so that its images were not looked at."
    items = look(dataset)
    require_classes(plan, sizes_of(items)["train"][1])
    return f"{dataset.place}: {words_for(items)}."


def require_classes(plan: Plan, classes: int) -> None:
    """Check the batches of all trainings and trials on the split ``train``.

    Args:
        plan: a valid plan.
        classes: training classes that there are.

    Raises:
        UserError: a batch has images of more classes than there are, or than the folds of a trial leave.
    """
    for name, run in plan.runs.items():
        training = plan.training_of(run)
        if not run.trains or training.split != "train":
            continue
        asked = search_of(run, training).batch_classes
        if asked > classes:
            raise UserError(
                f"runs.{name}: a batch has images of {asked} classes, and there are {classes} to train on; use smaller "
                "batches, or lower dataset.test_share or dataset.validation_share."
            )
        if plan.tuning is None or name not in plan.searched:
            continue
        left = plan.tuning.classes_left(classes)
        for trial in plan.trials(name):
            asked = search_of(trial.run, trial.training).batch_classes
            if asked > left:
                values = f" (trial {trial.number}: {trial.values})" if trial.number else ""
                raise UserError(
                    f"runs.{name}: a batch has images of {asked} classes{values}, but with {plan.tuning.folds} folds "
                    f"of {classes} training classes a trial has {left}; use smaller batches, more folds, or name the "
                    "values to be tried (runs.<run>.tune)."
                )
