"""Settings that an artefact decides: a tuned training names the choice that it reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hardmine.artefacts import Job, note_resolved
from hardmine.errors import UserError
from hardmine.settings.methods import run_from
from hardmine.settings.overlay import in_sections, laid_over
from hardmine.settings.training import Training

__all__ = ["decided", "read_choice", "with_choice"]


def decided(job: Job) -> dict[str, Any]:
    """The settings of a training, the chosen values in their place; the record will say how they came out.

    Raises:
        UserError: the choice cannot be read, or does not fit.
    """
    if "choice" not in job.settings:
        return job.settings
    settings = with_choice(job.settings, read_choice(Path(job.settings["choice"])))
    note_resolved({key: settings[key] for key in ("method", "training")})
    return settings


def with_choice(settings: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """A training's settings with chosen values: those of its ``taken`` keys, or all where it names none."""
    keys = settings.get("taken", list(chosen))
    values = {key: value for key, value in chosen.items() if key in keys}
    own, shared = in_sections(values)
    run = run_from(laid_over(settings["method"], own))
    training = Training.model_validate(laid_over(settings["training"], shared))
    return {**settings, "method": run.own(for_training=True), "training": training.model_dump(mode="json")}


def read_choice(folder: Path) -> dict[str, Any]:
    """The values in ``chosen.json``, by key.

    Raises:
        UserError: the file cannot be read.
    """
    path = folder / "chosen.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["values"]
        return dict(content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}). 'snakemake --cores all' makes it again.") from None
