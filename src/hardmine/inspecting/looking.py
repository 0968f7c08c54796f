"""Every image read once: its vector, the digest of its file, its size and contrast; or why it cannot be used."""

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from hardmine.errors import UserError
from hardmine.images.decode import FORMATS, UnreadableError, decode, read_picture
from hardmine.search.changes import as_indexed
from hardmine.search.index import open_index
from hardmine.search.model import EmbeddingModel
from hardmine.search.reading import pixels_of

from .sources import Labels, labels_of_index

__all__ = ["Facts", "Looked", "look_at_files", "look_at_index"]

_EDGE = 64
"""Pixels of the square on which contrast is measured where no model reads the image."""
_BLOCK = 256
_NAMED = 5


@dataclass(frozen=True)
class Facts:
    """What a file is: width and height in pixels, and the range of its values, 0 to 255, in its widest channel."""

    width: int
    height: int
    contrast: int


@dataclass(frozen=True)
class Looked:
    """The images of a source, those that can be used.

    Attributes:
        folder: of the images.
        names: N paths within it, ascending.
        classes: of each; empty where nothing says it.
        splits: of each; empty where nothing says it.
        vectors: float32 [N, D], length 1.
        digests: SHA-256 of each file.
        facts: of each file; None where it was not there to be read (an index's image).
        faults: files left out, or that are not as they were indexed, with the reason.
        labels: class and split of every image, those of ``faults`` too.
    """

    folder: Path
    names: list[str]
    classes: list[str]
    splits: list[str]
    vectors: np.ndarray
    digests: list[str]
    facts: list[Facts | None]
    faults: dict[str, str]
    labels: dict[str, tuple[str, str]] = field(repr=False)


def look_at_files(model: EmbeddingModel, labels: Labels, report: Callable[[int, int], None]) -> Looked:
    """Embed the images of a folder; ``report`` is told how many of all are done.

    Raises:
        UserError: no image can be read.
    """
    found: dict[str, tuple[str, Facts]] = {}
    good: list[str] = []
    faults: dict[str, str] = {}
    vectors = [np.empty((0, model.dimensions), np.float32)]

    def read(name: str) -> np.ndarray:
        data = read_picture(labels.folder / name)
        pixels = pixels_of(data, model.config.preprocessing)
        found[name] = hashlib.sha256(data).hexdigest(), _facts(data, pixels)
        return pixels

    for block in model.stream(labels.names, read):
        good += block.items
        vectors.append(block.vectors)
        faults |= dict(block.faults)
        report(len(good) + len(faults), len(labels.names))
    if not good:
        named = "".join(f"\n  {name}: {reason}" for name, reason in list(faults.items())[:_NAMED])
        raise UserError(f"{labels.folder}: none of {len(faults):,} images can be read:{named}")
    digests, facts = zip(*(found[name] for name in good), strict=True)
    return _looked(labels, good, np.concatenate(vectors), list(digests), list(facts), faults)


def look_at_index(source: Path, given: Path | None, threads: int, report: Callable[[int, int], None]) -> Looked:
    """The images of an index with its vectors; of files that are still as they were indexed, size and contrast.

    Args:
        source: folder of the index.
        given: a list with the labels; without it the first folders of the paths are the classes.
        threads: of reading.
        report: told how many of all are done.

    Raises:
        UserError: there is no such index, it is damaged, holds no image, or has no labels.
    """
    index = open_index(source)
    names, images = index.table.paths, Path(index.state.images)
    if not names:
        raise UserError(f"{source}: is an index of no image. Run 'hardmine index' on a folder that has some.")
    labels = labels_of_index(source, names, images, given)
    if not np.isfinite(index.table.vectors).all():
        raise UserError(f"{source}: has vectors that are not finite. Delete it and run 'hardmine index' again.")
    faults = dict(index.state.unreadable)
    facts: list[Facts | None] = [None] * len(names)
    if images.is_dir():
        digests = index.table.digests
        with ThreadPoolExecutor(threads) as pool:
            for start in range(0, len(names), _BLOCK):
                part = range(start, min(start + _BLOCK, len(names)))
                for row, met in zip(part, pool.map(lambda r: _again(images / names[r], digests[r]), part), strict=True):
                    if isinstance(met, str):
                        faults[names[row]] = met
                    else:
                        facts[row] = met
                report(part.stop, len(names))
    return _looked(labels, names, np.array(index.table.vectors), index.table.digests, facts, faults)


def _looked(
    labels: Labels,
    names: list[str],
    vectors: np.ndarray,
    digests: list[str],
    facts: list[Facts | None],
    faults: dict[str, str],
) -> Looked:
    known = dict(zip(labels.names, zip(labels.classes, labels.splits, strict=True), strict=True))
    classes, splits = ([known[name][part] for name in names] for part in (0, 1))
    return Looked(labels.folder, names, classes, splits, vectors, digests, facts, faults, known)


def _again(path: Path, digest: str) -> Facts | str:
    """The facts of an indexed file, or why there are none."""
    try:
        data = as_indexed(path, digest)
        return _facts(data, decode(data, _EDGE, "warp", 3))
    except UnreadableError as fault:
        return str(fault)


def _facts(data: bytes, pixels: np.ndarray) -> Facts:
    """Of a file that was decoded to uint8 [size, size, C] just now."""
    formats = tuple(name for name in FORMATS if name in Image.OPEN)
    with Image.open(io.BytesIO(data), formats=formats) as image:
        width, height = image.size
    return Facts(width, height, int(np.ptp(pixels, axis=(0, 1)).max()))
