"""What a project measured of a trained artefact and of its run's other seeds."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardmine.artefacts import read_record, resolved_settings
from hardmine.figures.titles import title_of
from hardmine.retrieval import summarise
from hardmine.retrieval.evaluate import FINAL
from hardmine.retrieval.statistics import Summary
from hardmine.search.evaluated import measured_of, reading_metrics

__all__ = ["Measured", "measure"]


@dataclass(frozen=True)
class Measured:
    """One metric on test classes.

    Attributes:
        name: for machines, such as ``recall_at_1``.
        metric: without its k.
        title: for people, such as ``R@1``.
        value: of this model.
        seeds: mean and 95 % interval over the run's seeds that have the same settings, this one among them.
    """

    name: str
    metric: str
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
    settings = _but_for_the_seed(place)
    for seed in sorted(path.name for path in place.parent.glob("seed*") if _but_for_the_seed(path) == settings):
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
        measured.append(Measured(name, metric, title, by_seed[place.name], summary))
    return measured


def _but_for_the_seed(place: Path) -> dict[str, Any] | None:
    """What a training was made with but for its seed; a seed of an earlier plan may have been left there."""
    record = read_record(place)
    return {**resolved_settings(record), "seed": None} if record else None


def _values(project: Path, run_seed: Path) -> dict[tuple[str, str, int | None], float]:
    """Final embedding on the test split, by protocol, metric and k."""
    content = measured_of(project, run_seed)
    if not content:
        return {}
    with reading_metrics(project, run_seed):
        return {
            (str(row["protocol"]), str(row["metric"]), None if row["k"] is None else int(row["k"])): float(row["value"])
            for row in content["values"]
            if row["embedding"] == FINAL and row["split"] == "test" and row["draw"] == 0
        }
