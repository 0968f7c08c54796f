"""The evaluate verb: embeddings in, metrics and neighbour lists out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from hardmine.artefacts import Job, write_text, writing
from hardmine.datasets import Items, read_items
from hardmine.errors import UserError
from hardmine.settings.evaluation import Evaluation

from .clustering import cluster, clustering_metrics
from .metrics import name_and_k, rank_matches
from .open_set import no_match
from .pairs import Pairs, pair_metrics, pairs_of, whole_classes
from .protocols import Search, searches_of

__all__ = ["FINAL", "WITHOUT_MATCH", "evaluate"]

FINAL = "embedding"
"""Name of the final embedding; others are levels or other weights."""
WITHOUT_MATCH = "without_match"
"""Among the metrics where it is not 0: the share of queries that have nothing of their class to find."""


@dataclass(frozen=True)
class _Split:
    """The images of a split: places among the embedded ones, rows of the packed array, class numbers, searches."""

    name: str
    places: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    searches: dict[str, list[Search]]


@dataclass
class _Found:
    """What ends up in the two files."""

    values: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    lists: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, head: dict[str, Any], draw: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            metric, k = name_and_k(name)
            self.values.append({**head, "draw": draw, "metric": metric, "k": k, "value": value})


def evaluate(job: Job, folder: Path, threads: int = 1, device: str = "cpu") -> None:
    """Measure every embedding on the validation classes, where there are any, and on the test classes.

    Writes ``metrics.json``: counts, and a list of ``embedding, split, protocol, draw, metric, k, value``, where draw 0
    is the value that counts and others are single draws of a gallery or single starts of k-means; where queries have no
    match, their share is among the values; and under ``no_match`` thresholds chosen on the validation classes with what
    they do on the test classes, see ``no_match``. Writes
    ``neighbours.safetensors``: ``queries`` int64 [Q], ``rows`` int64 [Q, K], ``distances`` float32 [Q, K] of the test
    classes under the final embedding and the first protocol without draws; all rows are rows of the packed array.

    Args:
        job: the job.
        folder: where to write.
        threads: of the searches and of k-means.
        device: cpu, or a device of torch for the searches.

    Raises:
        UserError: the embeddings are damaged or not finite, or there is no test image.
    """
    settings = Evaluation.model_validate(job.settings["evaluation"])
    items = read_items(Path(job.where["packed"], "items.csv"))
    embeddings = _read(job)
    rows = embeddings.pop("rows")
    found = _Found()
    pairs: dict[str, Pairs] = {}
    for split in _splits(items, rows, job.settings.get("protocols", ["all-against-rest"]), settings.draws):
        for name, vectors in embeddings.items():
            head = {"embedding": name, "split": split.name}
            mine = vectors[split.places]
            final = name == FINAL and split.name == "test"
            for protocol, searches in split.searches.items():
                _search(found, head | {"protocol": protocol}, searches, mine, split, settings, final, threads, device)
            if name == FINAL:
                pairs[split.name] = _pairs(mine, split, settings, threads)
                found.add(head | {"protocol": next(iter(split.searches))}, 0, pair_metrics(pairs[split.name]))
            if final:
                starts = cluster(mine, int(split.labels.max()) + 1, settings.clustering_restarts, threads)
                for start, one in enumerate(starts):
                    agreement = clustering_metrics(split.labels, one.clusters)
                    found.add(head | {"protocol": next(iter(split.searches))}, start, agreement)
    thresholds = no_match(pairs.get("validation"), pairs["test"], settings.false_match_rates)
    told = [one.model_dump(mode="json") for one in thresholds]
    content = {"counts": found.counts, "values": found.values, "no_match": told}
    write_text(folder / "metrics.json", json.dumps(content, indent=1) + "\n")
    with writing(folder / "neighbours.safetensors") as temporary:
        temporary.write_bytes(save({name: np.ascontiguousarray(value) for name, value in found.lists.items()}))


def _splits(items: Items, rows: np.ndarray, protocols: Sequence[str], draws: int) -> list[_Split]:
    """The splits that have images; validation images all search all others."""
    splits = np.asarray(items.splits)[rows]
    result = []
    for name, chosen in (("validation", ["all-against-rest"]), ("test", protocols)):
        places = np.flatnonzero(splits == name)
        if not len(places):
            if name == "test":
                raise UserError("items.csv: there is no test image; nothing can be measured.")
            continue
        mine = rows[places]
        labels, roles = items.labels(mine), np.asarray(items.roles)[mine]
        names = np.asarray(items.paths)[mine]
        searches = {protocol: searches_of(protocol, labels, roles, names, draws) for protocol in chosen}
        result.append(_Split(name, places, mine, labels, searches))
    return result


def _search(
    found: _Found,
    head: dict[str, Any],
    searches: list[Search],
    vectors: np.ndarray,
    split: _Split,
    settings: Evaluation,
    final: bool,
    threads: int,
    device: str,
) -> None:
    """Add the metrics of a protocol, and the lists of the first one without draws."""
    drawn: list[dict[str, float]] = []
    lone: list[float] = []
    wanted = final and not searches[0].draw and not found.lists
    for search in searches:
        kept = settings.neighbours if wanted else 0
        ranks, lists = rank_matches(search.task(vectors, split.labels), kept, threads, device)
        drawn.append(search.metrics(ranks, settings.recall_at))
        lone.append(float((ranks.matches == 0).mean()))
        if wanted:
            gallery = split.rows[search.gallery]
            found.lists = {
                "queries": split.rows[search.queries],
                "rows": gallery[lists.rows],
                "distances": lists.distances,
            }
        found.counts.setdefault(f"{split.name}_queries", ranks.queries)
        found.counts.setdefault(f"{split.name}_queries_without_match", int((ranks.matches == 0).sum()))
    beside = {WITHOUT_MATCH: fmean(lone)} if any(lone) else {}
    found.add(head, 0, {name: fmean(draw[name] for draw in drawn) for name in drawn[0]} | beside)
    if searches[0].draw:
        for search, metrics in zip(searches, drawn, strict=True):
            found.add(head, search.draw, metrics)


def _pairs(vectors: np.ndarray, split: _Split, settings: Evaluation, threads: int) -> Pairs:
    places = whole_classes(split.labels, settings.pair_images)
    return pairs_of(vectors[places], split.labels[places], threads)


def _read(job: Job) -> dict[str, np.ndarray]:
    path = Path(job.where["embeddings"], "embeddings.safetensors")
    try:
        tensors = load_file(path)
    except Exception as error:
        raise UserError(
            f"{path}: cannot be read as safetensors ({error}). Delete made.json beside it and run "
            "'snakemake --cores all' to make it again."
        ) from None
    if "rows" not in tensors or FINAL not in tensors:
        raise UserError(f"{path}: holds {', '.join(tensors)} where 'rows' and '{FINAL}' are needed.")
    for name, vectors in tensors.items():
        if name != "rows" and not np.isfinite(vectors).all():
            bad = int((~np.isfinite(vectors).all(axis=1)).sum())
            raise UserError(
                f"run {job.where['run']}, seed {job.where['seed']}: {bad} of {len(vectors)} rows of '{name}' in {path} "
                "hold a value that is not finite; the training diverged. A smaller training.learning_rate or "
                "training.gradient_clip may help."
            )
    return tensors
