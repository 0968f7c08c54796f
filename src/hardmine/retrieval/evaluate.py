"""The evaluate verb: embeddings in, metrics and neighbour lists out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from hardmine.artefacts import Job, writing
from hardmine.datasets import read_items
from hardmine.errors import UserError

from .clustering import cluster, clustering_metrics
from .metrics import retrieval_metrics, retrieve

__all__ = ["FINAL", "evaluate"]

FINAL = "embedding"
"""Name of the final embedding; others are levels or other weights."""


def evaluate(job: Job, folder: Path) -> None:
    """Measure every embedding on the validation and test classes.

    Writes ``metrics.json`` (a list of ``embedding, split, protocol, draw, metric, k, value``, and counts) and
    ``neighbours.safetensors`` (``queries`` int64 [Q], ``rows`` int64 [Q, K] and ``distances`` float32 [Q, K] of the
    test classes under the final embedding; all rows are rows of the packed array).
    """
    settings = job.settings["evaluation"]
    items = read_items(Path(job.where["packed"], "items.csv"))
    embeddings = _read(Path(job.where["embeddings"], "embeddings.safetensors"))
    rows = embeddings.pop("rows")
    splits = np.asarray(items.splits)[rows]
    values: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    for split in ("validation", "test"):
        mine = np.flatnonzero(splits == split)
        labels = items.labels(rows[mine])
        for name, vectors in embeddings.items():
            least = settings["neighbours"]
            neighbours, matches = retrieve(vectors[mine], labels, settings["recall_at"], least)
            found = retrieval_metrics(neighbours, labels, labels, matches, settings["recall_at"])
            counts[f"{split}_queries"] = int(found.pop("queries"))
            counts[f"{split}_queries_without_match"] = int(found.pop("queries_without_match"))
            if name == FINAL and split == "test":
                clusters = cluster(vectors[mine], int(labels.max()) + 1, settings["clustering_restarts"])
                found |= clustering_metrics(labels, clusters)
                kept = {
                    "queries": rows[mine],
                    "rows": rows[mine][neighbours.rows[:, :least]],
                    "distances": neighbours.distances[:, :least],
                }
            for metric, value in found.items():
                title, _, k = metric.partition("@") if metric.startswith("recall") else (metric, "", "")
                values.append(
                    {
                        "embedding": name,
                        "split": split,
                        "protocol": "all",
                        "draw": 0,
                        "metric": title,
                        "k": int(k) if k else None,
                        "value": value,
                    }
                )
    with writing(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps({"counts": counts, "values": values}, indent=1) + "\n")
    with writing(folder / "neighbours.safetensors") as temporary:
        temporary.write_bytes(save({name: np.ascontiguousarray(value) for name, value in kept.items()}))


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        tensors = load_file(path)
    except Exception as error:
        raise UserError(
            f"{path}: cannot be read as safetensors ({error}). Delete made.json beside it and run "
            "'snakemake --cores all' to make it again."
        ) from None
    if "rows" not in tensors or FINAL not in tensors:
        raise UserError(f"{path}: holds {', '.join(tensors)} where 'rows' and '{FINAL}' are needed.")
    return tensors
