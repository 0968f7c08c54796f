"""The rehearsal of an evaluation: the verb itself on made vectors of all test and validation images."""

import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from hardmine.artefacts import Job
from hardmine.datasets.items import Items, write_items
from hardmine.retrieval.evaluate import evaluate

from .growing import grow
from .made_data import MadeData, made_vectors
from .peak import peak_bytes

__all__ = ["rehearse"]

SMALL = 200
"""Images of a first evaluation, of which only the libraries that it loads are wanted."""


def rehearse(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Measure the evaluation of one training.

    Args:
        task: of kind ``evaluate``, see ``hardmine.rehearsing.tasks``.
        folder: for files that are needed meanwhile.

    Raises:
        UserError: there is nothing to evaluate.
    """
    data = MadeData.of(task["data"], folder)
    images = len(data.items.rows("validation", "test"))

    def measure(size: int) -> dict[str, float]:
        rows = np.concatenate([_rows(data, split, size / images) for split in ("validation", "test")])
        seconds = _evaluate(task, data.items, rows, folder)
        return {"seconds": seconds, "memory": float(max(1, peak_bytes() - base))}

    base = 0
    measure(min(images, SMALL))
    base = peak_bytes()
    grown = grow(measure, images, task["limit"])
    said = grown.said(images)
    return {
        "evaluate_seconds": grown.values["seconds"],
        "peak_bytes": base + grown.values["memory"],
        "notes": [f"evaluation {said}"] if said else [],
    }


def _rows(data: MadeData, split: str, share: float) -> np.ndarray:
    """Rows of whole classes of a split."""
    count = len(data.items.rows(split))
    return data.store(split, images=round(share * count)).rows if count else np.empty(0, np.int64)


def _evaluate(task: dict[str, Any], items: Items, rows: np.ndarray, folder: Path) -> float:
    """Seconds of the verb on some rows."""
    chosen = Items(*([getattr(items, name)[row] for row in rows] for name in ("paths", "classes", "splits", "roles")))
    write_items(folder / "items.csv", chosen)
    labels = chosen.labels(np.arange(len(rows)))
    vectors = {name: made_vectors(labels, dimensions) for name, dimensions in task["outputs"].items()}
    save_file({"rows": np.arange(len(rows)), **vectors}, folder / "embeddings.safetensors")
    where = {"packed": str(folder), "embeddings": str(folder), "run": "rehearsal", "seed": 0}
    job = Job("rehearsal", "evaluate", str(folder), (), (), task["settings"], where)
    start = time.perf_counter()
    with redirect_stdout(StringIO()):
        evaluate(job, folder, task["threads"])
    return time.perf_counter() - start
