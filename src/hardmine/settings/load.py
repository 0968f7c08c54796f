"""Reading a plan, with errors for the person who wrote it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hardmine.errors import UserError, nearest

from .backbones import BACKBONES
from .base import Settings
from .datasets import DATASETS
from .methods import METHODS
from .plan import BackboneError, Plan
from .yaml_text import read_yaml

__all__ = ["load_plan", "probe_packages", "read_plan"]

_DOORS = {"dataset": DATASETS, "backbone": BACKBONES, "runs": METHODS}
"""Where the names in sections are looked up on which their further keys depend."""


def read_plan(path: Path) -> Plan:
    """Read and validate a plan file.

    Raises:
        UserError: the file is missing, is no YAML, or a key or value is not allowed.
    """
    return load_plan(read_yaml(path), str(path))


def load_plan(content: Any, source: str) -> Plan:
    """Validate a plan's content; ``source`` names it in messages. Numbers may come as strings (``--config``).

    Raises:
        UserError: a key or value is not allowed; the message names all of them.
    """
    if not isinstance(content, Mapping):
        raise UserError(f"{source}: must hold keys and values; its first keys are {', '.join(Plan.model_fields)}.")
    try:
        return Plan.model_validate(dict(content))
    except ValidationError as error:
        lines = dict.fromkeys(
            line for detail in error.errors(include_url=False) for line in _explain_all(detail, content)
        )
        raise UserError("\n".join(f"{source}: {line}" for line in lines)) from None
    except RecursionError:
        raise UserError(f"{source}: is nested too deeply.") from None


def probe_packages(plan: Plan) -> None:
    """Import what packages of others bring for a plan: its data set, networks, methods and their figures.

    Raises:
        UserError: something cannot be imported.
    """
    DATASETS.probe(plan.dataset.name)
    for run in plan.runs.values():
        BACKBONES.probe(plan.backbone_of(run).name)
        METHODS.probe(run.method)


def _explain_all(detail: ErrorDetails, content: Mapping[Any, Any]) -> list[str]:
    """A sentence for a fault; for a run's backbone, one for each fault in it, as if the section stood alone."""
    fault = detail.get("ctx", {}).get("error")
    if not isinstance(fault, BackboneError):
        return [_explain(detail, content)]
    alone = {"backbone": {"name": fault.family}}
    inner = [{**own, "loc": ("backbone", *own["loc"])} for own in fault.fault.errors(include_url=False)]
    return [f"runs.{fault.run}.{_explain(cast(ErrorDetails, own), alone)}" for own in inner]


def _explain(detail: ErrorDetails, content: Mapping[Any, Any]) -> str:
    """One sentence for one fault: the key, what is wrong, what is allowed, the nearest match."""
    location = tuple(part for part in detail["loc"] if part != "[key]")
    path = [text if (text := str(part)).isprintable() else repr(text) for part in location]
    key = ".".join(path)
    match detail["type"]:
        case "extra_forbidden":
            allowed = _allowed_keys(location[:-1], content)
            return f"{key}: unknown key{nearest(path[-1], allowed)}; allowed here: {', '.join(allowed)}."
        case "name_unknown" if path[0] == "runs":
            name, methods = detail["ctx"]["name"], list(METHODS)
            return f"{key}.method: '{name}' is no method{nearest(name, methods)}; allowed: {', '.join(methods)}."
        case "name_unknown":
            name, allowed = detail["ctx"]["name"], list(_DOORS[path[0]])
            return f"{key}.name: '{name}' is not allowed{nearest(name, allowed)}; allowed: {', '.join(allowed)}."
        case "name_missing":
            word = "method" if path[0] == "runs" else "name"
            return f"{key}.{word}: is missing; allowed: {', '.join(_DOORS[path[0]])}."
        case "literal_error":
            allowed = [word.strip("'") for word in detail["ctx"]["expected"].replace(" or ", ", ").split(", ")]
            given = detail["input"]
            return f"{key}: {given!r} is not allowed{nearest(given, allowed)}; allowed: {', '.join(allowed)}."
        case "missing":
            return f"{key}: is missing."
        case "tuple_type" | "list_type":
            given = str(detail["input"])[:80]
            return f"{key}: {given} is no list; write [{given}], with commas between several."
        case "value_error":
            return f"{key + ': ' if key else ''}{detail['ctx']['error']}."
        case "string_pattern_mismatch":
            return f"{key}: {detail['input']!r} is not allowed; it must match {detail['ctx']['pattern']}."
        case _:
            given = repr(detail["input"])
            return f"{key}: {detail['msg'][0].lower()}{detail['msg'][1:]} (given: {given[:80]})."


def _allowed_keys(location: tuple[int | str, ...], content: Mapping[Any, Any]) -> list[str]:
    """The keys allowed in the section of a plan's content at ``location``."""
    models: list[type[Settings]] = [Plan]
    match location:
        case ("runs", run, *inner):
            models, location = [METHODS.settings(str(content["runs"][run]["method"]))], tuple(inner)
        case ("dataset" | "backbone" as section, *inner):
            name = content[section].get("name", "small-cnn")
            models, location = [_DOORS[section].settings(str(name))], tuple(inner)
    for key in location:
        found = [model.model_fields[key].annotation for model in models if key in model.model_fields]
        models = [kind for item in found for kind in _settings_in(item)]
    return list(dict.fromkeys(name for model in models for name in model.model_fields))


def _settings_in(annotation: Any) -> list[type[Settings]]:
    kinds = getattr(annotation, "__args__", (annotation,))
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Settings)]
