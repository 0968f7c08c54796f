"""A data set that is not there: its list, images of its size from a small pool, vectors about random class centres."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hardmine.datasets.items import Items, read_items, write_items
from hardmine.images import ImageStore

from .counts import made_items

__all__ = ["MadeData", "MadePixels", "made_vectors"]

POOL = 128
"""Different images there are."""


class MadePixels:
    """Looks like ``images.npy`` and has any number of rows, each one of a pool of random images.

    Args:
        count: rows.
        size: edge in pixels.
        channels: colour channels.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, count: int, size: int, channels: int) -> None:
        self.shape = (count, size, size, channels)
        self._pool = np.random.default_rng(0).integers(0, 256, (POOL, size, size, channels), dtype=np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        images: np.ndarray = self._pool[rows % POOL]
        return images


@dataclass(frozen=True)
class MadeData:
    """A list and made images to it.

    Attributes:
        items: the list.
        listed: where it is written.
        pixels: the images.
    """

    items: Items
    listed: Path
    pixels: MadePixels

    @classmethod
    def of(cls, data: dict[str, Any], folder: Path) -> "MadeData":
        """The data set of a task.

        Args:
            data: ``list``, a file, or ``counts``; ``size`` and ``channels``.
            folder: where a made list is written.
        """
        if data.get("list"):
            listed = Path(data["list"])
            items = read_items(listed)
        else:
            listed, items = folder / "items.csv", made_items({key: tuple(two) for key, two in data["counts"].items()})
            write_items(listed, items)
        return cls(items, listed, MadePixels(len(items.paths), data["size"], data["channels"]))

    def store(self, *splits: str, images: int | None = None) -> ImageStore:
        """The images of splits; of whole classes with about so many images where a number is given."""
        rows = self.items.rows(*splits)
        found = ImageStore(self.pixels, rows, self.items.labels(rows), self.listed)  # type: ignore[arg-type]
        return found if images is None or images >= len(found) else some_classes(found, images)


def some_classes(store: ImageStore, images: int) -> ImageStore:
    """The first classes of a store, two or as many as have so many images."""
    sizes = np.bincount(store.labels)
    classes = max(2, int(np.searchsorted(np.cumsum(sizes), images, side="right")))
    mask = store.labels < classes
    return replace(store, rows=store.rows[mask], labels=store.labels[mask])


def made_vectors(labels: np.ndarray, dimensions: int, seed: int = 0) -> np.ndarray:
    """Unit vectors about a random centre a class, as near to it as to be found mostly; float32 [N, D].

    Args:
        labels: int64 [N], from 0.
        dimensions: D.
        seed: of the vectors.
    """
    draws = np.random.default_rng([seed, dimensions])
    centres = draws.standard_normal((int(labels.max()) + 1, dimensions), dtype=np.float32)
    vectors = centres[labels] + draws.standard_normal((len(labels), dimensions), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
