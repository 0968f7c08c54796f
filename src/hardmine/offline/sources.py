"""Where vectors come from: a model and a folder, or an index that has them already."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hardmine.errors import UserError
from hardmine.settings.datasets.own_files import listed_names

from .labelled import Labelled, by_folder, by_list, chosen

if TYPE_CHECKING:
    from hardmine.search.index import ImageIndex

__all__ = ["Source", "from_index", "from_model"]


@dataclass(frozen=True)
class Source:
    """Labelled images with their vectors.

    Attributes:
        labelled: the images.
        vectors: float32 [N, D], length 1, in the same order.
        unreadable: images left out, with the reason.
        digests: SHA-256 of the images' files as they were embedded; None where nobody took them.
        altered: images left out since they are gone or not as they were indexed, with the reason.
        notes: what else was left out or could not be told, in sentences.
    """

    labelled: Labelled
    vectors: np.ndarray
    unreadable: dict[str, str]
    digests: list[str] | None = None
    altered: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def from_index(
    folder: Path, labels: Path | None, split: str | None, strict: bool, threads: int, report: Callable[[int, int], None]
) -> Source:
    """The vectors of an index whose files are as they were indexed; classes by the first folder, or by a list.

    Raises:
        UserError: the index is damaged, or has no labels; see ``by_folder``, ``by_list``; no image is as it was
            indexed; with ``strict``, if one is not, or could not be read then.
    """
    from hardmine.search.index import open_index

    index = open_index(folder)
    root, names = _from_here(Path(index.state.images)), index.table.paths
    if labels is not None and not labels.is_file():
        raise UserError(
            f"{labels}: is no file. {folder} is an index and has its images already; beside it a list with the columns "
            "path,class may be given."
        )
    if not names:
        raise UserError(f"{folder}: is an index without images. Run 'hardmine index' again.")
    _refuse(root, dict(index.state.unreadable), len(names) + len(index.state.unreadable), strict)
    labelled = by_folder(root, names) if labels is None else by_list(root, names, labels)
    labelled = chosen(labelled, split)
    places = {name: row for row, name in enumerate(names)}
    altered, notes = _altered(index, [places[image.path] for image in labelled.images], strict, threads, report)
    kept = [image for image in labelled.images if image.path not in altered]
    rows = np.array([places[image.path] for image in kept], dtype=np.int64)
    vectors = index.table.vectors if len(rows) == len(names) else index.table.vectors[rows]
    digests = [index.table.digests[row] for row in rows]
    labelled = Labelled(root, kept, labelled.unlisted, labelled.other_splits)
    return Source(labelled, vectors, dict(index.state.unreadable), digests, altered, notes)


def from_model(
    name: str,
    images: Path,
    split: str | None,
    weights: Path | None,
    strict: bool,
    device: str,
    threads: int,
    report: Callable[[int, int], None],
) -> Source:
    """Embed a folder of class folders, or the images of a list, under a model or a published trunk.

    Raises:
        UserError: there is no such model, folder or list, or no image can be read; with ``strict``, if one cannot.
    """
    from hardmine.search.reading import found_in

    root = images if os.path.isdir(images) else images.parent
    if not os.path.exists(images):
        raise UserError(f"{images}: there is no such folder or list.")
    found = found_in(root)
    labelled = by_folder(root, found.names) if os.path.isdir(images) else by_list(root, found.names, images)
    labelled = chosen(labelled, split)
    vectors, faults = _embedded(name, labelled, weights, device, threads, report)
    faults |= {closed: "the folder cannot be opened" for closed in found.closed}
    _refuse(root, faults, len(labelled.images), strict or not len(vectors))
    kept = [image for image in labelled.images if image.path not in faults]
    notes = [f"passed over: {found.passed_over}"] if found.passed_over and os.path.isdir(images) else []
    return Source(Labelled(root, kept, labelled.unlisted, labelled.other_splits), vectors, faults, notes=notes)


def _from_here(folder: Path) -> Path:
    """A folder below the working one by its path from there; another as it is."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _refuse(root: Path, faults: dict[str, str], total: int, strict: bool, what: str = "cannot be read") -> None:
    if faults and strict:
        first = "".join(f"\n  {path}: {why}" for path, why in sorted(faults.items())[:20])
        raise UserError(f"{root}: {len(faults)} of {total} images {what}:{first}")


def _altered(
    index: "ImageIndex", rows: list[int], strict: bool, threads: int, report: Callable[[int, int], None]
) -> tuple[dict[str, str], list[str]]:
    """Which images of an index are gone or changed, with the reason; and what is to be said of it."""
    from hardmine.search.changes import altered

    root = Path(index.state.images)
    if not root.is_dir():
        missing = f"{root}: the folder of the index's images is not there"
        if strict:
            raise UserError(f"{missing} (--strict). Bring it back, or make an index of the folder as it lies now.")
        return {}, [f"{missing}; nothing tells whether they are as they were indexed."]
    found = altered(index, rows, threads, report)
    none_left = len(found) == len(rows)
    again = "gone or changed since they were indexed; run 'hardmine index' again"
    _refuse(root, found, len(rows), strict or none_left, f"are {again}")
    if not found:
        return {}, []
    said = f"Left out, gone or changed since they were indexed: {len(found):,} of {len(rows):,} images"
    return found, [f"{said} ({listed_names(list(found))}); 'hardmine index' brings the index up to date."]


def _embedded(
    name: str,
    labelled: Labelled,
    weights: Path | None,
    device: str,
    threads: int,
    report: Callable[[int, int], None],
) -> tuple[np.ndarray, dict[str, str]]:
    """Vectors of the readable images, in their order, and why others cannot be read."""
    from hardmine.search.model import load_model
    from hardmine.search.reading import pixels_of

    from .trunk import load_trunk, names_trunk

    trunk = names_trunk(name)
    model = load_trunk(name, weights, device, threads) if trunk else load_model(Path(name), device, threads)
    paths = [image.path for image in labelled.images]
    vectors = np.empty((len(paths), model.dimensions), dtype=np.float32)
    done, faults = 0, dict[str, str]()
    for block in model.stream(paths, lambda path: pixels_of(labelled.root / path, model.config.preprocessing)):
        vectors[done : done + len(block.items)] = block.vectors
        done += len(block.items)
        faults |= dict(block.faults)
        report(done + len(faults), len(paths))
    return vectors[:done], faults
