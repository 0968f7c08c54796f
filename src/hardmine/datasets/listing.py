"""What a data set's official lists come to: one item an image, and where its file lies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from hardmine.errors import UserError, nearest
from hardmine.settings.datasets import ImageDataset

from .items import Items

__all__ = ["Entry", "Listing", "make_listing", "require_counts"]


@dataclass(frozen=True)
class Entry:
    """One image of an official list.

    Attributes:
        path: name in ``items.csv``, unique in the data set.
        label: class name; sorted names give the order of the official class numbers, so numbers are zero-padded.
        split: ``train``, ``validation`` or ``test``.
        role: ``train``, ``both``, ``query`` or ``gallery``.
        archive: archive or folder that holds the file.
        member: name of the file in the archive.
    """

    path: str
    label: str
    split: str
    role: str
    archive: Path
    member: str


@dataclass(frozen=True)
class Listing:
    """The images of a data set in the order of the packed rows.

    Attributes:
        items: path, class, split and role of each image.
        places: archive or folder, and member name, of each image.
        digests: SHA-256 of each image's file when it was listed; None where archives have sums of their own.
    """

    items: Items
    places: list[tuple[Path, str]]
    digests: list[str] | None = None


def make_listing(entries: Iterable[Entry], settings: ImageDataset, source: str) -> Listing:
    """Sort by path, leave out what is allowed to be unreadable, draw the validation classes.

    Args:
        entries: all images.
        settings: give ``unreadable``, ``validation_share`` and ``seed``.
        source: names the list in messages.

    Raises:
        UserError: a path stands twice, a class is in two splits, no image is left, a name in ``unreadable`` is unknown,
            or there are too few training classes for the validation share.
    """
    known = sorted(entries, key=lambda entry: entry.path)
    for first, second in pairwise(known):
        if first.path == second.path:
            raise UserError(f"{source}: {first.path} is listed twice. Remove one of the two lines.")
    names = {entry.path for entry in known}
    for path in settings.unreadable:
        if path not in names:
            raise UserError(f"dataset.unreadable: {source} lists no image '{path}'{nearest(path, sorted(names))}.")
    kept = [entry for entry in known if entry.path not in settings.unreadable]
    if not kept:
        raise UserError(f"{source}: lists no image.")
    homes: dict[str, str] = {}
    for entry in kept:
        if homes.setdefault(entry.label, entry.split) != entry.split:
            raise UserError(
                f"{source}: class '{entry.label}' is in {homes[entry.label]} and in {entry.split} ({entry.path}); "
                "the classes of different splits must be disjoint."
            )
    if settings.classes == "drawn" and settings.seed:
        kept = _with_drawn_classes(kept, homes, settings.seed)
    held_out = _validation_classes(kept, settings) if "validation" not in homes.values() else set()
    moved = [entry.label in held_out for entry in kept]
    items = Items(
        [entry.path for entry in kept],
        [entry.label for entry in kept],
        ["validation" if out else entry.split for entry, out in zip(kept, moved, strict=True)],
        ["both" if out else entry.role for entry, out in zip(kept, moved, strict=True)],
    )
    return Listing(items, [(entry.archive, entry.member) for entry in kept])


def _with_drawn_classes(entries: list[Entry], homes: Mapping[str, str], seed: int) -> list[Entry]:
    """Exchange classes among the splits, so that each split has as many as before."""
    labels = sorted(homes)
    order = np.random.default_rng([seed, 2]).permutation(len(labels))
    drawn = {labels[place]: homes[label] for place, label in zip(order, labels, strict=True)}
    roles = {entry.split: entry.role for entry in entries}
    return [replace(one, split=drawn[one.label], role=roles[drawn[one.label]]) for one in entries]


def _validation_classes(entries: list[Entry], settings: ImageDataset) -> set[str]:
    """Draw the share of training classes kept for validation, among those with two images at least."""
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.split == "train":
            counts[entry.label] = counts.get(entry.label, 0) + 1
    if settings.validation_share == 0:
        return set()
    wanted = round(settings.validation_share * len(counts))
    eligible = sorted(label for label, count in counts.items() if count > 1)
    if wanted < 1 or wanted > len(eligible) or len(counts) - wanted < 2:
        raise UserError(
            f"dataset.validation_share: {settings.validation_share} of {len(counts)} training classes is {wanted} for "
            f"validation and {len(counts) - wanted} for training; at least 1 (of the {len(eligible)} with two or more "
            "images) and 2 are needed. Choose another share, or 0 together with evaluation.protocol: paper."
        )
    order = np.random.default_rng([settings.seed, 1]).permutation(len(eligible))
    return {eligible[index] for index in order[:wanted]}


def require_counts(entries: Iterable[Entry], expected: Mapping[str, tuple[int, int]], source: str) -> None:
    """Compare images and classes of each split, or of ``query`` and ``gallery`` where they differ, with known figures.

    Args:
        entries: all images, before any is left out.
        expected: (images, classes) for each role other than ``both``, or split.
        source: names the list in messages.

    Raises:
        UserError: a figure differs.
    """
    images: dict[str, int] = {}
    labels: dict[str, set[str]] = {}
    for entry in entries:
        key = entry.split if entry.role == "both" else entry.role
        images[key] = images.get(key, 0) + 1
        labels.setdefault(key, set()).add(entry.label)
    for key, (image_count, class_count) in expected.items():
        found = (images.get(key, 0), len(labels.get(key, ())))
        if found != (image_count, class_count):
            raise UserError(
                f"{source}: {key} has {found[0]:,} images of {found[1]:,} classes where the published data set has "
                f"{image_count:,} of {class_count:,}. The files are incomplete, or another data set's: replace them "
                "(docs/datasets.md says where to get them)."
            )
