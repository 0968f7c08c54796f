"""Plans rehearsed: what differs is measured, equal things once for all of them, and priced."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hardmine.artefacts import write_text
from hardmine.foreign import shown
from hardmine.processors import available_processors
from hardmine.settings import Plan, probe_packages

from .measuring import KEPT, measure_all
from .pricing import PlanPrice, price_of, price_run
from .tasks import Effort, Rehearsed, evaluation_task, key_of, rehearsed_runs

__all__ = ["circumstances_of", "rehearse_plans"]


def rehearse_plans(
    plans: Sequence[Plan], effort: Effort, cores: int, only: str | None = None, again: bool = False
) -> list[PlanPrice]:
    """Rehearse plans; what is known of each is written to ``scratch/rehearsal/<plan>.json``.

    Args:
        plans: validated plans.
        effort: how much is put into it.
        cores: that the plans are priced for.
        only: one run of each plan.
        again: measure what is kept, too.

    Raises:
        UserError: a package is missing, there is no such run, or nothing says how many images a data set has.
    """
    for plan in plans:
        probe_packages(plan)
    found = [(plan, *rehearsed_runs(plan, effort, only)) for plan in plans]
    every = [run for _, runs, _ in found for run in runs]
    trainings = _measured("trainings", {_key(run): run.train for run in every}, effort, again)
    evaluations = {
        key: task for run in every if (task := _evaluation(run, trainings, effort)) for key in [_second(task)]
    }
    evaluated = _measured("evaluations", evaluations, effort, again)
    prices = []
    for plan, runs, data in found:
        own = []
        for run in runs:
            task = _evaluation(run, trainings, effort)
            own.append(price_run(plan, run.name, trainings[_key(run)], evaluated[_second(task)] if task else {}))
        prices.append(price_of(plan, data, own, cores))
        if only is None:
            content = {**circumstances_of(effort), **prices[-1].to_json()}
            write_text(KEPT / f"{plan.plan}.json", json.dumps(content, indent=1) + "\n")
    return prices


def circumstances_of(effort: Effort) -> dict[str, Any]:
    """On what was measured, and how."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = {"processor": names[0] if names else "unknown", "processors": available_processors()}
    return {**processor, "torch": version("torch"), "steps": effort.steps, "limit_seconds": effort.limit, "threads": 1}


def _measured(what: str, tasks: dict[str, dict[str, Any]], effort: Effort, again: bool) -> dict[str, dict[str, Any]]:
    def said(done: int, of: int, failed: str) -> None:
        print(f"{what}: {done} of {of} measured{': one failed, ' + shown(failed) if failed else ''}", flush=True)

    return measure_all(tasks, effort.children, again, said)


def _key(run: Rehearsed) -> str:
    return key_of(run.train, run.code)


def _second(task: dict[str, Any]) -> str:
    return key_of(task, ("hardmine.retrieval.evaluate:evaluate",))


def _evaluation(run: Rehearsed, trainings: dict[str, dict[str, Any]], effort: Effort) -> dict[str, Any] | None:
    """The task of a run's evaluation; None where its training failed."""
    train = trainings[_key(run)]
    return None if "failed" in train else evaluation_task(run, train["outputs"], effort)
