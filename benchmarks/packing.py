"""Packing against a plain Pillow loop: images/s and peak memory: python -m benchmarks.packing.

Synthetic photographs (smooth colours with fine texture, JPEG quality 90) of the sizes that the data sets have, in a
folder. The peer opens, converts, resizes (bilinear) and puts every image into a memory-mapped array; ours is
``hardmine.images.pack`` with one thread a core, reading included. Both take turns; medians. Memory is the peak of a
process of its own.
"""

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import table
from benchmarks.table import Row
from hardmine.datasets.items import Items
from hardmine.datasets.listing import Listing
from hardmine.images.pack import pack
from hardmine.settings.datasets import DATASETS

SHAPES = {
    "CUB, 500×375 to 256": (500, 375, 256),
    "Cars, 700×480 to 256": (700, 480, 256),
    "telephone, 3000×2000 to 256": (3000, 2000, 256),
    "Grocery, 464×348 to 128": (464, 348, 128),
    "In-shop, 256×256 to 256": (256, 256, 256),
}
KEY = "00" * 32
IMAGES, ROUNDS = 400, 3


def photograph(width: int, height: int, seed: int) -> Image.Image:
    """Smooth colours with fine texture."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 256, (height // 24, width // 24, 3), dtype=np.uint8))
    fine = Image.fromarray(generator.integers(0, 256, (height // 2, width // 2, 3), dtype=np.uint8))
    size = (width, height)
    return Image.blend(coarse.resize(size, Image.Resampling.BICUBIC), fine.resize(size, Image.Resampling.BICUBIC), 0.12)


def make_folder(folder: Path, width: int, height: int, images: int) -> list[str]:
    """Write photographs; twenty different ones, over and over."""
    kinds = []
    for seed in range(20):
        photograph(width, height, seed).save(folder / "one.jpg", quality=90)
        kinds.append((folder / "one.jpg").read_bytes())
    (folder / "one.jpg").unlink()
    names = [f"{number:06d}.jpg" for number in range(images)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(kinds[number % len(kinds)])
    return names


def plain(folder: Path, names: list[str], size: int, target: Path) -> None:
    """The peer: one image after another."""
    pixels = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=(len(names), size, size, 3))
    for row, name in enumerate(names):
        with Image.open(folder / name) as image:
            pixels[row] = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
    pixels.flush()


def ours(folder: Path, names: list[str], size: int, target: Path) -> None:
    """The pipeline's own packing, with a thread a core."""
    items = Items(names, names, ["train"] * len(names), ["train"] * len(names))
    settings = DATASETS.settings("cub200").model_validate({"size": size})
    listing = Listing(items, [(folder, name) for name in names])
    pack(listing, settings, target, target.parent / "scratch", KEY, os.cpu_count() or 1)


def quietly(function: Callable[..., None], *arguments: Any) -> None:
    """Call without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        function(*arguments)


def peak(title: str, images: int) -> float:
    """Peak memory in MiB of this process when it has packed images of a kind."""
    width, height, size = SHAPES[title]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "photographs")
        folder.mkdir()
        names = make_folder(folder, width, height, images)
        quietly(ours, folder, names, size, Path(place, "ours.npy"))
    return table.memory()


def rates(title: str, images: int) -> tuple[float, float]:
    """Images/s of ours and of the plain loop."""
    width, height, size = SHAPES[title]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "photographs")
        folder.mkdir()
        names = make_folder(folder, width, height, images)
        targets = {name: Path(place, f"{name}.npy") for name in ("ours", "plain")}
        ways = {
            "ours": lambda: quietly(ours, folder, names, size, targets["ours"]),
            "plain": lambda: plain(folder, names, size, targets["plain"]),
        }
        seconds = table.alternate(ways, ROUNDS, warm=0, clock=time.perf_counter)
        one, two = (np.load(target) for target in targets.values())
        assert np.abs(one.astype(np.int16) - two).mean() < 2, "the two ways give different images"
    return images / seconds["ours"], images / seconds["plain"]


def run() -> list[Row]:
    rows, peaks = [], []
    for title in SHAPES:
        images = IMAGES // 8 if title.startswith("telephone") else IMAGES
        own, theirs = rates(title, images)
        few, many = (table.alone("benchmarks.packing", "peak", title, count * images) for count in (1, 5))
        how = f"peer: plain Pillow loop; peak memory {few:.0f} MiB, {many:.0f} with 5 × as many images"
        rows.append(Row("packing", title, own, "images/s", theirs, at_least=2, how=how))
        peaks.append(many)
    return [*rows, Row("packing", "peak memory, the largest of these", max(peaks), "MiB", at_most=500)]


if __name__ == "__main__":
    table.main(run)
