"""What a project measured of a trained artefact and of its run's other seeds."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from hardmine.artefacts import read_record, read_regular
from hardmine.artefacts.record import LARGEST
from hardmine.figures.titles import title_of
from hardmine.retrieval import summarise
from hardmine.retrieval.evaluate import FINAL
from hardmine.retrieval.statistics import Summary
from hardmine.search.guard import reading

__all__ = ["Measured", "measure"]


@dataclass(frozen=True)
class Measured:
    """One metric on test classes.

    Attributes:
        name: for machines, such as ``recall_at_1``.
        title: for people, such as ``R@1``.
        value: of this model.
        seeds: mean and 95 % interval over the run's seeds, this one among them.
    """

    name: str
    title: str
    value: float
    seeds: Summary


def measure(folder: Path) -> list[Measured]:
    """The metrics of an artefact, empty where it was not evaluated. Values of other contents are passed over.

    Args:
        folder: ``<project>/models/<plan>/<run>/seed<k>``.

    Raises:
        UserError: a ``metrics.json`` that belongs to it is damaged.
    """
    place = folder.resolve()
    project = place.parents[3]
    values: dict[tuple[str, str, int | None], dict[str, float]] = defaultdict(dict)
    for seed in sorted(path.name for path in place.parent.glob("seed*")):
        for key, value in _values(project, Path(*place.parts[-3:-1], seed)).items():
            values[key][seed] = value
    protocols = {protocol for protocol, _, _ in values}
    measured = []
    for (protocol, metric, k), by_seed in values.items():
        if place.name not in by_seed:
            continue
        name, title = metric if k is None else f"{metric}_at_{k}", title_of(metric, k)
        if len(protocols) > 1:
            name, title = f"{name}_{protocol}", f"{title} ({protocol})"
        summary = summarise(dict(enumerate(by_seed.values())))
        measured.append(Measured(name, title, by_seed[place.name], summary))
    return measured


def _values(project: Path, run_seed: Path) -> dict[tuple[str, str, int | None], float]:
    """Final embedding on the test split, by protocol, metric and k."""
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
    path = project / "metrics" / run_seed / "metrics.json"
    with reading(path, "'hardmine verify --repair' has the next 'snakemake --cores all' make it again."):
        rows = json.loads(read_regular(path, LARGEST))["values"]
        return {
            (str(row["protocol"]), str(row["metric"]), None if row["k"] is None else int(row["k"])): float(row["value"])
            for row in rows
            if row["embedding"] == FINAL and row["split"] == "test" and row["draw"] == 0
        }
