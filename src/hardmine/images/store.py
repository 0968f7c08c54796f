"""The packed store: ``images.npy`` beside ``items.csv``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardmine.artefacts import writing
from hardmine.datasets import Items, read_items
from hardmine.errors import UserError

__all__ = ["ImageStore", "open_store", "write_images"]


@dataclass(frozen=True)
class ImageStore:
    """Images of chosen rows; nothing outside them can be reached.

    Attributes:
        pixels: uint8 [N, H, W, C], memory-mapped.
        rows: int64 [n], the rows of ``pixels`` that this store gives out.
        labels: int64 [n], class numbers 0..C-1 within this store.
        listed: the list that it was opened with.
    """

    pixels: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    listed: Path | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def channels(self) -> int:
        """Colour channels of an image."""
        return int(self.pixels.shape[3])

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1 if len(self.labels) else 0

    def paths(self) -> list[str]:
        """Where each image of this store came from, read from its list anew.

        Raises:
            UserError: the list is missing or damaged.
        """
        assert self.listed is not None
        known = read_items(self.listed).paths
        return [known[row] for row in self.rows]

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Images at positions ``indices`` of this store, uint8 [k, H, W, C], in memory."""
        return self.pixels[self.rows[indices]]


def write_images(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 [N, H, W, C] as ``images.npy``."""
    with writing(path) as temporary:
        np.save(temporary, np.ascontiguousarray(pixels))


def open_store(folder: Path, *splits: str) -> tuple[ImageStore, Items]:
    """Open the images of the given splits.

    Raises:
        UserError: a file is missing, truncated, not a packed array, or does not fit its list; a split is empty.
    """
    path = folder / "images.npy"
    items = read_items(folder / "items.csv")
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(
            f"{path}: cannot be read as a packed array ({error}). Delete {folder}/made.json and run "
            "'snakemake --cores all' to make it again."
        ) from None
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) != len(items.paths):
        raise UserError(
            f"{path}: holds {pixels.dtype} {list(pixels.shape)} where items.csv lists {len(items.paths)} images "
            f"of uint8 [N, H, W, C]. Delete {folder}/made.json and run 'snakemake --cores all' to make it again."
        )
    rows = items.rows(*splits)
    if not len(rows):
        raise UserError(f"{folder}/items.csv: no image is in the split {' or '.join(splits)}.")
    return ImageStore(pixels, rows, items.labels(rows), folder / "items.csv"), items
