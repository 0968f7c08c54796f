"""Packing against a plain Pillow loop: images/s and peak memory, side by side in one run.

    python -m benchmarks.packing [--images 400] [--rounds 3]

Synthetic photographs (smooth colours with fine texture, JPEG quality 90) of the sizes that the data sets have, in a
folder. The peer opens, converts, resizes (bilinear) and puts every image into a memory-mapped array; ours is
``hardmine.images.pack`` with one thread a core, reading included. Both alternate; medians. Memory is the peak of a
process that packs five times as many images.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

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
    settings = DATASETS["cub200"].model_validate({"size": size})
    listing = Listing(items, [(folder, name) for name in names])
    pack(listing, settings, target, target.parent / "scratch", KEY, os.cpu_count() or 1)


def peak_of(shape: str, images: int) -> int:
    """Peak memory in MB of a process that packs ``images`` images."""
    command = [sys.executable, "-m", "benchmarks.packing", "--images", str(images), "--memory", shape]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--images", type=int, default=400)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--memory", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if not chosen.memory:
        print("| photographs | plain loop, images/s | ours, images/s | ratio | peak MB | peak MB, 5 × as many |")
        print("|---|---|---|---|---|---|")
    for title, (width, height, size) in SHAPES.items():
        if chosen.memory and chosen.memory != title:
            continue
        images = chosen.images // 8 if width > 2000 else chosen.images
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, "photographs")
            folder.mkdir()
            names = make_folder(folder, width, height, images)
            if chosen.memory:
                with open(os.devnull, "w") as nothing:
                    sys.stdout, out = nothing, sys.stdout
                    ours(folder, names, size, Path(place, "ours.npy"))
                    sys.stdout = out
                print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1000)
                return
            seconds: dict[str, list[float]] = {"plain": [], "ours": []}
            for _ in range(chosen.rounds):
                for name, function in (("plain", plain), ("ours", ours)):
                    with open(os.devnull, "w") as nothing:
                        sys.stdout, out = nothing, sys.stdout
                        start = time.perf_counter()
                        function(folder, names, size, Path(place, f"{name}.npy"))
                        seconds[name].append(time.perf_counter() - start)
                        sys.stdout = out
            one, two = np.load(Path(place, "plain.npy")), np.load(Path(place, "ours.npy"))
            assert np.abs(one.astype(np.int16) - two).mean() < 2, "the two ways give different images"
        rates = {name: images / statistics.median(values) for name, values in seconds.items()}
        peaks = [peak_of(title, chosen.images * factor) for factor in (1, 5)]
        print(
            f"| {title} | {rates['plain']:.0f} | {rates['ours']:.0f} | {rates['ours'] / rates['plain']:.1f} "
            f"| {peaks[0]} | {peaks[1]} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
