"""Plans put together by data set: those that differ in the draw of classes alone are draws of one data set."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hardmine.artefacts.judgement import differing_keys
from hardmine.errors import UserError
from hardmine.foreign import shown
from hardmine.settings import Plan
from hardmine.settings.questions import Question

from .reading import Measured
from .replicates import Replicate

__all__ = ["DataSet", "by_dataset"]

DRAWN = ("seed", "list")
"""Keys of a data set that say which classes are drawn, and nothing else of it."""
NOT_DECIDING = {"checkpoint_seconds"}
"""Keys of training that change no result."""


@dataclass
class DataSet:
    """What was measured on a data set, over all plans of it.

    Attributes:
        title: its name.
        plans: with their reports.
        methods: by run.
        values: by run and replicate.
        expected: replicates that the plans ask for, by run.
        failed: replicates whose training failed, by run.
        seconds: of trainings, by run and replicate.
        controls: the control of each run that has one.
        bases: likewise the base.
        tuned: how the settings of a run were found, by run; missing where they are as written.
        questions: by the pair of runs, as first worded.
    """

    title: str
    plans: list[Measured] = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[Replicate, float]] = field(default_factory=dict)
    expected: dict[str, set[Replicate]] = field(default_factory=dict)
    failed: dict[str, set[Replicate]] = field(default_factory=dict)
    seconds: dict[str, dict[Replicate, float]] = field(default_factory=dict)
    controls: dict[str, str] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    tuned: dict[str, str] = field(default_factory=dict)
    questions: dict[tuple[str, str], Question] = field(default_factory=dict)

    @property
    def draws(self) -> list[str]:
        """Draws of classes, in the order of the plans."""
        return list(dict.fromkeys(draw for one in self.plans for draw in draws_of(one.plan)))


def by_dataset(measured: Sequence[Measured]) -> list[DataSet]:
    """Put plans together by data set, in the order in which they come.

    Raises:
        UserError: plans of one data set are evaluated otherwise, have a run of one name with other settings, name
            another control or base for it, or have two values for one training.
    """
    groups: dict[str, DataSet] = {}
    for one in measured:
        key = json.dumps(_content(one.plan), sort_keys=True)
        _add(groups.setdefault(key, DataSet(_name(one.plan))), one)
    found = list(groups.values())
    contents = [_content(group.plans[0].plan) for group in found]
    names = [group.title for group in found]
    for group, own in zip(found, contents, strict=True):
        alike = [content for content, name in zip(contents, names, strict=True) if name == group.title]
        if keys := sorted({key for content in alike for key in differing_keys(alike[0], content)}):
            group.title += f" ({', '.join(f'{key} {_words(own.get(key))}' for key in keys)})"
    return found


def draws_of(plan: Plan) -> list[str]:
    """The draws of a plan's seeds, each once."""
    return list(dict.fromkeys(draw_of(plan, seed) for seed in plan.seeds))


def draw_of(plan: Plan, seed: int) -> str:
    """The draw of the classes of a plan's training seed, in words."""
    content = plan.dataset_of(seed).model_dump(mode="json")
    return ", ".join(f"{key} {content[key]}" for key in DRAWN if content.get(key) is not None)


def _add(group: DataSet, one: Measured) -> None:
    plan = one.plan
    replicate = {seed: (draw_of(plan, seed), seed) for seed in plan.seeds}
    for other in group.plans:
        _refuse_unlike(group.title, other, one)
    for name, run in plan.runs.items():
        group.methods.setdefault(name, run.method)
        group.expected.setdefault(name, set()).update(replicate.values())
        group.failed.setdefault(name, set()).update(replicate[seed] for seed in one.failed.get(name, ()))
        values = group.values.setdefault(name, {})
        for seed, value in one.values.get(name, {}).items():
            if values.setdefault(replicate[seed], value) != value and value == value:
                raise UserError(
                    f"{group.title}: {name}, {replicate[seed][0]}, seed {seed} has another value in {one.source} "
                    "than in a plan before it; leave one of the plans out, or give the run another name in one of them."
                )
        seconds = group.seconds.setdefault(name, {})
        for seed, took in one.seconds.get(name, {}).items():
            seconds.setdefault(replicate[seed], took)
        for key, known, own in (("control", group.controls, run.control), ("base_run", group.bases, run.base_run)):
            if own is not None and known.setdefault(name, own) != own:
                raise UserError(f"{one.source}: runs.{name}.{key}: is {own}, but {known[name]} in a plan before it.")
        if words := _tuning_of(plan, name):
            group.tuned[name] = words
    for question in plan.questions:
        group.questions.setdefault((question.run, question.against), question)
    group.plans.append(one)


def _refuse_unlike(title: str, first: Measured, second: Measured) -> None:
    """Refuse to put together what is not measured or not trained alike.

    Raises:
        UserError: it is not.
    """
    between = f"{first.source} and {second.source}"
    if keys := differing_keys(_evaluation(first.plan), _evaluation(second.plan)):
        raise UserError(
            f"{title}: {between} are evaluated otherwise ({', '.join(keys)}); values of one data set are put together "
            "where they are measured alike. Compare the plans apart, or evaluate them alike."
        )
    for name in first.plan.runs:
        if name not in second.plan.runs:
            continue
        if keys := differing_keys(_trained(first.plan, name), _trained(second.plan, name)):
            raise UserError(
                f"{title}: the run {name} differs between {between} ({', '.join(keys)}); draws of one data set "
                "differ in their classes alone. Give the run another name in one of them, or the same settings in both."
            )


def _content(plan: Plan) -> dict[str, Any]:
    """The settings of a data set without those that draw its classes."""
    return plan.dataset.model_dump(mode="json", exclude={*DRAWN, "variant"})


def _evaluation(plan: Plan) -> dict[str, Any]:
    own = plan.evaluation.model_dump(mode="json", exclude={"neighbours", "recall_at", "protocols"})
    return own | {"protocols": list(plan.protocols)}


def _trained(plan: Plan, name: str) -> dict[str, Any]:
    """What decides a run's training beside seed and images."""
    run = plan.runs[name]
    found: dict[str, Any] = {
        "method": run.own(),
        "weights": run.weights,
        "backbone": plan.backbone_of(run).model_dump(mode="json"),
        "training": plan.training_of(run).model_dump(mode="json", exclude=NOT_DECIDING),
    }
    if words := _tuning_of(plan, name):
        found["tuning"] = words
        found["tune"] = run.model_dump(mode="json", include={"tune", "like"})
        found["tuned"] = plan.tuning.model_dump(mode="json", exclude={"seed"}) if plan.tuning else None
    return found


def _tuning_of(plan: Plan, name: str) -> str:
    """How a run's settings were found; empty where they are as written."""
    if plan.tuning is None:
        return ""
    if other := plan.runs[name].like:
        return f"as {other}"
    return f"{plan.tuning.trials} trials" if name in plan.searched else ""


def _name(plan: Plan) -> str:
    dataset = plan.dataset
    own = getattr(dataset, "path", None) if dataset.name == "folder" else None
    return shown(dataset.title or (Path(own).name or own if own else dataset.name))


def _words(value: Any) -> str:
    return shown(value if isinstance(value, str) else json.dumps(value))
