"""What was measured of a trained artefact, as far as it was measured of this content."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hardmine.artefacts import read_record, read_regular
from hardmine.artefacts.record import LARGEST
from hardmine.retrieval.open_set import Threshold

from .guard import reading

__all__ = ["measured_of", "reading_metrics", "thresholds_of"]


@contextmanager
def reading_metrics(project: Path, run_seed: Path) -> Iterator[Path]:
    """Say of the ``metrics.json`` of an artefact what is wrong with it, and what to do; gives its path.

    Raises:
        UserError: what is read in it cannot be used.
    """
    path = project / "metrics" / run_seed / "metrics.json"
    with reading(path, "'hardmine verify --repair' has the next 'snakemake --cores all' make it again."):
        yield path


def measured_of(project: Path, run_seed: Path) -> dict[str, Any]:
    """Content of the ``metrics.json`` of an artefact; empty where there is none, or one of other contents.

    Args:
        project: the project's folder.
        run_seed: ``<plan>/<run>/seed<k>``.

    Raises:
        UserError: the file is damaged.
    """
    model, embedded = read_record(project / "models" / run_seed), read_record(project / "embeddings" / run_seed)
    evaluated = read_record(project / "metrics" / run_seed)
    if model is None or embedded is None or evaluated is None:
        return {}
    if model.outputs not in embedded.inputs.values() or embedded.outputs not in evaluated.inputs.values():
        return {}
    packings = [
        {place: one.inputs[place] for place in one.inputs if place.startswith("data/packed/")}
        for one in (model, embedded, evaluated)
    ]
    if packings[1:] != packings[:-1]:
        return {}
    with reading_metrics(project, run_seed) as path:
        content = json.loads(read_regular(path, LARGEST))
        if not isinstance(content, dict):
            raise ValueError("it is no object")
        return content


def thresholds_of(folder: Path) -> list[Threshold]:
    """Thresholds for "no match" of a trained artefact, ``<project>/models/<plan>/<run>/seed<k>``; often none.

    Raises:
        UserError: a ``metrics.json`` that belongs to it is damaged.
    """
    place = folder.resolve()
    run_seed = Path(*place.parts[-3:])
    content = measured_of(place.parents[3], run_seed)
    with reading_metrics(place.parents[3], run_seed):
        return [Threshold.model_validate(one) for one in content.get("no_match", [])]
