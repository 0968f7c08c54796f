"""What the page shows beside its text: tables, curves, neighbour lists and pictures as JavaScript files.

A page opened from a folder may not fetch files, but it may load scripts; so the data are scripts that fill ``report``.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from hardmine.artefacts import Job
from hardmine.datasets import Items
from hardmine.images.decode import picture, resized
from hardmine.plotting.curves import over_seeds
from hardmine.retrieval.evaluate import FINAL

from .embedding_map import embedding_map

__all__ = ["as_script", "curves", "gallery", "pictures", "recalls"]

SHOWN = 10
"""Neighbours of a query in the gallery."""
LEAST_SHOWN = 5
"""Where lists have to be shorter; beyond that, fewer queries are shown."""
LIST_BYTES = 6_000_000
"""Of all neighbour lists together, before they are written as text."""
PICTURE_BYTES = 12_000_000
"""Of all pictures together; where there are more, they are smaller or of lower quality."""
IMAGES = 12_000
"""Images in the gallery at most; where there are more, fewer queries are shown."""
SHEET = 16
"""Pictures in a row and a column of a sheet."""


def as_script(name: str, value: Any) -> str:
    """A script that stores a value under a name of ``report``, safe in a page whatever strings are in it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'window.report = window.report || {{}};\nwindow.report["{name}"] = {text};\n'


def recalls(statistics: pd.DataFrame) -> dict[str, dict[str, list[float | None]]]:
    """Recall over k of each run: ``x`` (k), ``y`` and ``half`` in percent."""
    found: dict[str, dict[str, list[float | None]]] = {}
    for run, part in statistics[statistics.metric == "recall"].groupby("run", sort=False):
        part = part.sort_values("k")
        found[str(run)] = {
            "x": [int(k) for k in part.k],
            "y": [_number(100 * value) for value in part["mean"]],
            "half": [_number(100 * value) for value in part.half_width],
        }
    return found


def curves(histories: pd.DataFrame) -> dict[str, dict[str, list[float | None]]]:
    """Validation recall at 1 of each run over training images: ``x``, ``y`` and ``half`` in percent."""
    found: dict[str, dict[str, list[float | None]]] = {}
    for row in over_seeds(histories, "val_recall@1").itertuples():
        line = found.setdefault(str(row.run), {"x": [], "y": [], "half": []})
        line["x"].append(int(row.images))
        line["y"].append(_number(100 * row.mean))
        line["half"].append(_number(100 * row.half_width))
    return {run: line for run, line in found.items() if len(line["x"]) > 1}


def gallery(job: Job, items: Items, mapped: list[str]) -> tuple[np.ndarray, dict[str, Any]]:
    """The packed rows of test images, and the neighbours of every query for each run's first seed.

    ``rows`` of the packed array become positions 0..n-1 among the images that occur; positions are base64 of little
    endian unsigned integers of ``bytes`` bytes.
    """
    seed = job.settings["seeds"][0]
    lists = {}
    for run in job.settings["runs"]:
        lists[run] = load_file(Path("metrics", job.plan, run, f"seed{seed}", "neighbours.safetensors"))
    queries = next(iter(lists.values()))["queries"]
    neighbours = {run: one["rows"] for run, one in lists.items()}
    shown, drawn = _drawn(queries, neighbours)
    neighbours = {run: rows[drawn, :shown] for run, rows in neighbours.items()}
    used = np.unique(np.concatenate([queries[drawn], *(rows.ravel() for rows in neighbours.values())]))
    width = 2 if len(used) <= 2**16 else 4
    names, labels = sorted({items.classes[row] for row in used}), items.labels(used)
    return used, {
        "seed": seed,
        "bytes": width,
        "shown": shown,
        "count": len(used),
        "classes": names,
        "labels": _packed(labels, width),
        "shown_queries": len(drawn),
        "all_queries": len(queries),
        "queries": _packed(np.searchsorted(used, queries[drawn]), width),
        "lists": {run: _packed(np.searchsorted(used, rows), width) for run, rows in neighbours.items()},
        "maps": {run: embedding_map(_embeddings(job, run, seed), used, labels) for run in mapped},
    }


def _drawn(queries: np.ndarray, neighbours: dict[str, np.ndarray]) -> tuple[int, np.ndarray]:
    """How many neighbours are shown, and of which queries: all, or evenly drawn ones that the limits leave room for."""
    there = min(SHOWN, *(rows.shape[1] for rows in neighbours.values()))
    room = LIST_BYTES // (2 * len(neighbours))
    shown = min(there, max(LEAST_SHOWN, room // len(queries)))
    count = min(len(queries), room // shown)
    while True:
        drawn = np.linspace(0, len(queries) - 1, count).astype(np.int64)
        near = [rows[drawn, :shown].ravel() for rows in neighbours.values()]
        images = np.unique(np.concatenate([queries[drawn], *near]))
        if len(images) <= IMAGES or count <= 100:
            return shown, drawn
        count = max(100, count * 3 // 4)


def pictures(packed: Path, rows: np.ndarray) -> dict[str, Any]:
    """Small pictures of packed rows, ``SHEET``² a sheet, as base64 of WebP files."""
    stored = np.load(packed / "images.npy", mmap_mode="r", allow_pickle=False)
    edge = min(64, int(stored.shape[1]))
    quality = 82
    while True:
        sheets = [
            _sheet([_small(stored[row], edge) for row in rows[start : start + SHEET**2]], edge, quality)
            for start in range(0, len(rows), SHEET**2)
        ]
        if sum(map(len, sheets)) <= PICTURE_BYTES or edge <= 24:
            return {"edge": edge, "across": SHEET, "sheets": sheets}
        edge, quality = max(24, edge * 3 // 4), 70


def _small(pixels: np.ndarray, edge: int) -> np.ndarray:
    return resized(np.asarray(pixels), edge, "short-side-crop") if pixels.shape[0] != edge else np.asarray(pixels)


def _sheet(tiles: list[np.ndarray], edge: int, quality: int) -> str:
    across = SHEET
    sheet = np.zeros((-(-len(tiles) // across) * edge, across * edge, tiles[0].shape[2]), dtype=np.uint8)
    for place, tile in enumerate(tiles):
        down, right = divmod(place, across)
        sheet[down * edge : (down + 1) * edge, right * edge : (right + 1) * edge] = tile
    buffer = io.BytesIO()
    picture(sheet).convert("RGB").save(buffer, "WEBP", quality=quality, method=4)
    return base64.b64encode(buffer.getvalue()).decode()


def _embeddings(job: Job, run: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    content = load_file(Path("embeddings", job.plan, run, f"seed{seed}", "embeddings.safetensors"))
    return content["rows"], content[FINAL]


def _packed(values: np.ndarray, width: int) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=f"<u{width}").tobytes()).decode()


def _number(value: float) -> float | None:
    return round(float(value), 2) if np.isfinite(value) else None
