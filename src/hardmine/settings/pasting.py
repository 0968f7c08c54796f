"""Runs with the values that tuning chose, as a plan would have them."""

from collections.abc import Mapping
from typing import Any

from .budget import taken_keys
from .overlay import in_sections, laid_over
from .plan import Plan
from .run import RunSettings
from .trials import with_values

__all__ = ["chosen_runs"]


def chosen_runs(plan: Plan, choices: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The ``runs`` section with chosen values in it, short and complete: pasted, it trains the same.

    Args:
        plan: a plan that tunes.
        choices: values by key, for every searched run.
    """
    found = {}
    for name, run in plan.runs.items():
        chosen = choices.get(run.like or name, {})
        if run.like:
            keys = taken_keys(run, plan.trials(run.like))
            chosen = {key: value for key, value in chosen.items() if key in keys}
        changed, _ = with_values(plan, name, chosen, f"runs.{name}")
        training = run.training.model_dump(mode="json", exclude_unset=True)
        _, shared = in_sections(chosen)
        section = {**_own_keys(changed), **({"training": laid_over(training, shared)} if training or shared else {})}
        rest = run.model_dump(mode="json", include={"backbone", "weights", "control", "base_run"}, exclude_unset=True)
        found[name] = {**section, **rest}
    return found


def _own_keys(run: RunSettings) -> dict[str, Any]:
    """The keys of a method that are not as they are by default; all, where defaults hang together."""
    own = run.own()
    required: dict[str, Any] = {key: own[key] for key, field in type(run).model_fields.items() if field.is_required()}
    usual = type(run).model_construct(**required).own()
    short = {key: value for key, value in own.items() if key in required or value != usual.get(key)}
    if type(run).model_validate(short).own() == own:
        return short
    return {key: value for key, value in own.items() if value is not None}
