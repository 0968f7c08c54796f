"""The rehearsal of an evaluation: the verb itself on made vectors of all test and validation images."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from hardmine.artefacts import Job
from hardmine.datasets.items import Items, write_items
from hardmine.retrieval import clustering, evaluate

from .growing import grow
from .made_data import MadeData, made_vectors
from .peak import clock, peak_bytes

__all__ = ["rehearse"]

SMALL = 200
"""Images of a first evaluation, of which only the libraries that it loads are wanted."""
WHOLE = 10_000
"""Up to so many images everything is evaluated at once."""
PARTS = "rank_matches", "cluster", "clustering_metrics", "pairs_of", "rest"
"""Functions that the verb calls, as its module has them, and what is left."""


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
        return {**_evaluate(task, data.items, rows, folder), "memory": float(max(1, peak_bytes() - base))}

    base = 0
    measure(min(images, SMALL))
    base = peak_bytes()
    grown = grow(measure, images, task["limit"], _least(data), PARTS)
    said = grown.said(images)
    return {
        "evaluate_seconds": sum(grown.values[name] for name in PARTS),
        "peak_bytes": base + grown.values["memory"],
        "notes": [f"evaluation {said}"] if said else [],
    }


def _least(data: MadeData) -> int:
    """Images of the smallest set that is not evaluated whole: half of it is still clustered by the same algorithm."""
    images = len(data.items.rows("validation", "test"))
    store = data.store("test")
    if len(store) * store.classes <= clustering.SMALL:
        return WHOLE
    alike = math.sqrt(clustering.SMALL * len(store) / store.classes)
    return max(WHOLE, round(2.2 * alike * images / len(store)))


def _rows(data: MadeData, split: str, share: float) -> np.ndarray:
    """Rows of whole classes of a split."""
    count = len(data.items.rows(split))
    return data.store(split, images=round(share * count)).rows if count else np.empty(0, np.int64)


def _evaluate(task: dict[str, Any], items: Items, rows: np.ndarray, folder: Path) -> dict[str, float]:
    """Seconds of the verb's parts on some rows."""
    chosen = Items(*([getattr(items, name)[row] for row in rows] for name in ("paths", "classes", "splits", "roles")))
    write_items(folder / "items.csv", chosen)
    labels = chosen.labels(np.arange(len(rows)))
    vectors = {name: made_vectors(labels, dimensions) for name, dimensions in task["outputs"].items()}
    save_file({"rows": np.arange(len(rows)), **vectors}, folder / "embeddings.safetensors")
    where = {"packed": str(folder), "embeddings": str(folder), "run": "rehearsal", "seed": 0}
    job = Job("rehearsal", "evaluate", str(folder), (), (), task["settings"], where)
    start = clock()
    with redirect_stdout(StringIO()), _timed() as seconds:
        evaluate.evaluate(job, folder, task["threads"])
    seconds["rest"] = clock() - start - sum(seconds.values())
    return seconds


@contextmanager
def _timed() -> Iterator[dict[str, float]]:
    """Seconds of the verb's larger parts, each of which grows with images in its own way."""
    seconds = dict.fromkeys(PARTS, 0.0)
    own = {name: getattr(evaluate, name) for name in PARTS if name != "rest"}

    def timed(name: str) -> Callable[..., Any]:
        def work(*passed: Any, **named: Any) -> Any:
            start = clock()
            try:
                return own[name](*passed, **named)
            finally:
                seconds[name] += clock() - start

        return work

    try:
        for name in own:
            setattr(evaluate, name, timed(name))
        yield seconds
    finally:
        for name, function in own.items():
            setattr(evaluate, name, function)
