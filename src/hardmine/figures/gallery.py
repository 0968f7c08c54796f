"""A picture of queries and their neighbours."""

from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

from hardmine.artefacts import writing
from hardmine.images import open_store

__all__ = ["draw_gallery"]

_RIGHT, _WRONG, _QUERY = (0, 158, 115), (213, 94, 0), (130, 130, 130)


def draw_gallery(neighbours_file: Path, packed: Path, target: Path, queries: int = 12, shown: int = 8) -> None:
    """Queries in the first column, their nearest images beside; green frames for the right class, orange for wrong.

    Half of the queries are the hardest mistakes (the nearest right image comes latest), half are drawn evenly.
    """
    lists = load_file(neighbours_file)
    store, items = open_store(packed, "test")
    classes = np.asarray(items.classes)
    rows = lists["rows"][:, :shown]
    right = classes[rows] == classes[lists["queries"]][:, None]
    queries = min(queries, len(rows))
    order = np.argsort(right.sum(axis=1), kind="stable")
    chosen = np.concatenate([order[: queries // 2], np.linspace(0, len(rows) - 1, queries - queries // 2).astype(int)])
    scale = max(1, round(64 / store.pixels.shape[1]))
    lines = []
    for query in chosen:
        tiles = [_tile(store.pixels[lists["queries"][query]], _QUERY, scale)]
        tiles += [
            _tile(store.pixels[row], _RIGHT if hit else _WRONG, scale)
            for row, hit in zip(rows[query], right[query], strict=True)
        ]
        lines.append(np.concatenate(tiles, axis=1))
    lines += lines[:1] * (len(lines) % 2)
    left, rest = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    gap = np.full((len(left) * lines[0].shape[0], 24, 3), 255, dtype=np.uint8)
    sheet = np.concatenate([np.concatenate(left), gap, np.concatenate(rest)], axis=1)
    with writing(target) as temporary:
        Image.fromarray(sheet).save(temporary, optimize=False)


def _tile(pixels: np.ndarray, colour: tuple[int, int, int], scale: int, frame: int = 4, margin: int = 2) -> np.ndarray:
    image = np.repeat(np.repeat(pixels, scale, axis=0), scale, axis=1)
    image = np.broadcast_to(image, (*image.shape[:2], 3))
    height, width, _ = image.shape
    edge = frame + margin
    tile = np.full((height + 2 * edge, width + 2 * edge, 3), 255, dtype=np.uint8)
    tile[margin:-margin, margin:-margin] = colour
    tile[edge:-edge, edge:-edge] = image
    return tile
