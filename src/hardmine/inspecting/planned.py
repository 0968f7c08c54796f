"""The data report of a plan on own images, a part of its report."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hardmine.artefacts import Job
from hardmine.images import ImageStore, open_store
from hardmine.images.decode import picture
from hardmine.search.model import EmbeddingModel, load_model
from hardmine.search.page import in_page
from hardmine.search.speaking import speaking

from .looking import Facts, Looked
from .page import PAGE, write_page
from .report import inspect
from .tables import write_tables

__all__ = ["data_report", "look_at_packed"]

_SPLITS = "train", "validation", "test"


def data_report(job: Job, folder: Path, threads: int) -> None:
    """Write ``data/`` of a report: page and tables on all packed images, as the plan's pretrained features see them.

    These saw no label of the images; and nothing hangs on files that may have moved since they were packed.

    Args:
        job: of the figures.
        folder: of the report.
        threads: of everything.
    """
    packed = Path(job.where["packed"])
    model = load_model(Path(job.settings["data_report"]), "cpu", threads)
    store, _ = open_store(packed, *_SPLITS)
    looked = look_at_packed(model, packed, speaking(lambda done, total, _: f"looked at {done:,} of {total:,} images"))
    found = inspect(looked, threads=threads)
    write_page(found, f"{'/'.join(packed.parts[2:])}, as packed", folder / "data" / PAGE, _pictures(store))
    write_tables(found, folder / "data")


def look_at_packed(model: EmbeddingModel, packed: Path, report: Callable[[int, int], None]) -> Looked:
    """Embed all images of a packed data set.

    Args:
        model: takes images of the packing's size.
        packed: the folder.
        report: told how many of all are done.
    """
    store, items = open_store(packed, *_SPLITS)
    digests: dict[int, str] = {}
    facts: dict[int, Facts] = {}

    def read(row: int) -> np.ndarray:
        pixels = np.ascontiguousarray(store.pixels[row])
        digests[row] = hashlib.sha256(pixels.tobytes()).hexdigest()
        facts[row] = Facts(pixels.shape[1], pixels.shape[0], int(np.ptp(pixels, axis=(0, 1)).max()))
        return pixels

    order = sorted(store.rows.tolist(), key=lambda row: items.paths[row])
    vectors = []
    for block in model.stream(order, read):
        vectors.append(block.vectors)
        report(len(digests), len(order))
    names = [items.paths[row] for row in order]
    classes, splits = [items.classes[row] for row in order], [items.splits[row] for row in order]
    return Looked(
        packed,
        names,
        classes,
        splits,
        np.concatenate(vectors),
        [digests[row] for row in order],
        [facts[row] for row in order],
        {},
        dict(zip(names, zip(classes, splits, strict=True), strict=True)),
    )


def _pictures(store: ImageStore) -> Callable[[str], str | None]:
    """A function of a name that gives its packed picture as a data address."""
    rows = dict(zip(store.paths(), store.rows.tolist(), strict=True))

    def address(name: str) -> str | None:
        buffer = io.BytesIO()
        picture(store.pixels[rows[name]]).save(buffer, "WEBP", quality=75)
        return in_page(buffer.getvalue())

    return address
