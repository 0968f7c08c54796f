"""From measurements to what a plan takes: seconds of each run's jobs, hours of all, memory."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hardmine.settings import Plan

__all__ = ["PlanPrice", "RunPrice", "price_of", "price_run"]


@dataclass(frozen=True)
class RunPrice:
    """What one training of a run takes, with its embedding and evaluation; seconds and bytes.

    Attributes:
        run: its name.
        failed: why nothing of it is known; empty where it went well.
        steps: of a training.
        images: that go through the network in training.
        step_seconds: of one step.
        refresh_seconds: of all beginnings and ends of epochs, and of what begins within training.
        validation_seconds: of all validations.
        train_seconds: of the whole training.
        embed_seconds: of embedding validation and test images.
        evaluate_seconds: of their evaluation.
        host_bytes: the most memory that one of these processes holds.
        device_bytes: an estimate: weights, gradients, the optimiser's state, what else is kept, a batch and what
            autograd keeps of it; without a library's own needs.
        trials: of tuning.
        trial_seconds: of all of them with all folds, priced as the run's own settings.
        notes: what was extrapolated, from what.
    """

    run: str
    failed: str = ""
    steps: int = 0
    images: int = 0
    step_seconds: float = 0.0
    refresh_seconds: float = 0.0
    validation_seconds: float = 0.0
    train_seconds: float = 0.0
    embed_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    host_bytes: float = 0.0
    device_bytes: float = 0.0
    trials: int = 0
    trial_seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Of a training with what follows it."""
        return self.train_seconds + self.embed_seconds + self.evaluate_seconds


@dataclass(frozen=True)
class PlanPrice:
    """What a plan takes.

    Attributes:
        plan: its name.
        dataset: the name of its data set.
        seeds: trainings a run.
        cores: jobs at once.
        images: images of the data set, all splits.
        source: what says so.
        disk_bytes: of the packed images.
        runs: its runs, in its order.
    """

    plan: str
    dataset: str
    seeds: int
    cores: int
    images: int
    source: str
    disk_bytes: int
    runs: tuple[RunPrice, ...]

    @property
    def core_seconds(self) -> float:
        """Of all jobs together, one core each."""
        return sum(run.seconds * self.seeds + run.trial_seconds for run in self.runs)

    @property
    def wall_seconds(self) -> float:
        """With as many jobs at once as there are cores; no less than the longest takes, after its trials."""
        longest = max((run.seconds + run.trial_seconds / max(1, run.trials) for run in self.runs), default=0.0)
        return max(self.core_seconds / self.cores, longest)

    @property
    def host_bytes(self) -> float:
        """Memory of as many of the largest jobs as run at once."""
        jobs = self.seeds * len(self.runs) + sum(run.trials for run in self.runs)
        return max((run.host_bytes for run in self.runs), default=0.0) * min(self.cores, jobs)

    @property
    def failed(self) -> list[RunPrice]:
        """The runs that failed."""
        return [run for run in self.runs if run.failed]

    def to_json(self) -> dict[str, Any]:
        """Everything, with the sums."""
        sums = ("core_seconds", "wall_seconds", "host_bytes")
        return {**asdict(self), **{name: getattr(self, name) for name in sums}}


def price_of(plan: Plan, data: Mapping[str, Any], runs: Sequence[RunPrice], cores: int) -> PlanPrice:
    """The price of a plan by those of its runs."""
    images = sum(count for count, _ in data["counts"].values())
    packings = len({plan.packed_folder(seed) for seed in plan.seeds})
    disk = packings * images * data["size"] ** 2 * data["channels"]
    shape = (len(plan.seeds), cores, images, data["source"], disk)
    return PlanPrice(plan.plan, plan.dataset.name, *shape, tuple(runs))


def price_run(plan: Plan, name: str, train: Mapping[str, Any], evaluation: Mapping[str, Any]) -> RunPrice:
    """The price of a run by what was measured of its training and of its evaluation."""
    for measured, verb in ((train, "training"), (evaluation, "evaluation")):
        if "failed" in measured:
            return RunPrice(name, failed=f"{verb}: {measured['failed']}")
    training = plan.training_of(plan.runs[name])
    steps, epochs = train["total_steps"], train["epochs"]
    refreshes = train["refresh_seconds"] + epochs * train["end_seconds"] + train["last_seconds"]
    refreshes += train["milestones"] * train["event_seconds"]
    validations = math.ceil(epochs / training.validate_epochs) * train["validation_seconds"]
    loaded = train["load_seconds"] + train["build_seconds"]
    core = loaded + steps * train["step_seconds"] + refreshes
    trials = plan.trials(name) if name in plan.searched else []
    folds = plan.tuning.folds if plan.tuning else 0
    budgets = sum(plan.trial_images(trial) for trial in trials) / training.images
    held = sum(train["held_bytes"].values())
    return RunPrice(
        run=name,
        steps=steps,
        images=steps * train["images_per_step"],
        step_seconds=train["step_seconds"],
        refresh_seconds=refreshes,
        validation_seconds=validations,
        train_seconds=core + validations,
        embed_seconds=train["load_seconds"] + train["evaluated_images"] * train["embed_image_seconds"],
        evaluate_seconds=evaluation["load_seconds"] + evaluation["evaluate_seconds"],
        host_bytes=max(train["peak_bytes"], evaluation["peak_bytes"]),
        device_bytes=held + train["saved_bytes"] + train["batch_bytes"],
        trials=len(trials),
        trial_seconds=folds * (core * budgets + loaded * max(0.0, len(trials) - budgets)),
        notes=(*train["notes"], *evaluation["notes"]),
    )
