"""The user's own images: class folders, or a list; split by class."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from hardmine.artefacts import digest, read_record, write_text
from hardmine.errors import UserError
from hardmine.settings.datasets import Folder

from .archives import open_archive
from .listing import Entry, Listing, make_listing
from .lists import text_of
from .manual import read_json

__all__ = ["SUFFIXES", "download", "listing"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""What counts as an image, in small or capital letters; other files are passed over unless they are listed."""
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class _Image:
    path: str
    label: str
    split: str  # empty: to be drawn


def download(folder: Path, settings: Folder) -> None:
    """List the images with their SHA-256 in ``files.json``; they stay where they are.

    Raises:
        UserError: the folder or its list is missing, or says what cannot be used.
    """
    place = Path(settings.path)
    if not place.is_dir():
        raise UserError(f"dataset.path: there is no folder {place}. Name the folder that holds the images.")
    with open_archive(place) as archive:
        present = archive.names()
    images = _listed(place, settings.list, set(present)) if settings.list else _in_class_folders(place, present)
    _require_pairs(images, settings)
    _split(images, settings)
    content = [
        {"path": image.path, "class": image.label, "split": image.split, "sha256": digest(place / image.path)}
        for image in images
    ]
    write_text(folder / "files.json", json.dumps(content, indent=0, ensure_ascii=False) + "\n")


def listing(raw: Path, settings: Folder) -> Listing:
    """The images of ``files.json``; splits are drawn by the seed where the user's list has none.

    Raises:
        UserError: files were changed since they were listed, there are too few classes for the shares, or
            ``unreadable`` names an unknown image.
    """
    record = read_record(raw)
    if record is not None and record.settings.get("fingerprint") != settings.fingerprint():
        raise UserError(f"{settings.path}: files were changed since they were listed. Run the same command again.")
    content = read_json(raw / "files.json")
    return _split([_Image(item["path"], item["class"], item["split"]) for item in content], settings)


def _split(images: list[_Image], settings: Folder) -> Listing:
    drawn = _test_classes({image.label for image in images if not image.split}, settings)
    entries = []
    for image in images:
        split = image.split or ("test" if image.label in drawn else "train")
        role = "train" if split == "train" else "both"
        entries.append(Entry(image.path, image.label, split, role, Path(settings.path), image.path))
    return make_listing(entries, settings, settings.path)


def _test_classes(labels: set[str], settings: Folder) -> set[str]:
    """The classes kept for test."""
    if not labels:
        return set()
    wanted = round(settings.test_share * len(labels))
    if wanted < 2 or len(labels) - wanted < 2:
        raise UserError(
            f"dataset.test_share: {settings.test_share} of {len(labels)} classes is {wanted} for test and "
            f"{len(labels) - wanted} for training; both need 2. Choose another share or add classes."
        )
    order = np.random.default_rng([settings.seed, 0]).permutation(len(labels))
    names = sorted(labels)
    return {names[index] for index in order[:wanted]}


def _in_class_folders(place: Path, present: Iterable[str]) -> list[_Image]:
    """Every image below a class folder, at any depth."""
    shown = [name for name in present if not any(part.startswith(".") for part in name.split("/"))]
    images = [name for name in shown if name.lower().endswith(SUFFIXES)]
    if not images:
        raise UserError(f"{place}: holds no image ({', '.join(SUFFIXES)}). Put the images of each class into a folder.")
    stray = next((name for name in images if "/" not in name), None)
    if stray:
        raise UserError(
            f"{place}: {stray} lies beside the class folders. Move it into one, or name a list with dataset.list."
        )
    labels = {name.split("/")[0] for name in images}
    if labels <= {"train", "training", "val", "valid", "validation", "test", "query", "gallery"}:
        raise UserError(
            f"{place}: its folders are {', '.join(sorted(labels))}, which look like splits, not classes. Write a list "
            "with the columns path,class,split and name it with dataset.list."
        )
    return [_Image(name, name.split("/")[0], "") for name in images]


def _listed(place: Path, name: str, present: set[str]) -> list[_Image]:
    """The images of the user's list."""
    file = place / name
    if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
        raise UserError(f"dataset.list: {name!r} leaves the folder {place}. Put the list into it.")
    if not file.is_file():
        raise UserError(f"dataset.list: there is no file {file}.")
    try:
        table = list(csv.reader(io.StringIO(text_of(file.read_bytes(), str(file)), newline=""), strict=True))
    except csv.Error as error:
        raise UserError(f"{file}: cannot be read as CSV ({error}).") from None
    head = [cell.strip() for cell in table[0]] if table else []
    if head not in (["path", "class"], ["path", "class", "split"]):
        raise UserError(
            f"{file}: its first line is {','.join(head)[:80]!r}; it must be path,class or path,class,split."
        )
    images: list[_Image] = []
    lines: dict[str, int] = {}
    for number, row in enumerate(table[1:], start=2):
        if not row:
            continue
        image = _row(f"{file}: line {number}", [cell.strip() for cell in row], len(head))
        if image.path in lines:
            raise UserError(f"{file}: lines {lines[image.path]} and {number} both list {image.path}. Remove one.")
        if image.path not in present:
            raise UserError(f"{file}: line {number}: there is no file {place / image.path}.")
        lines[image.path] = number
        images.append(image)
    if not images:
        raise UserError(f"{file}: lists no image.")
    return images


def _row(place: str, cells: list[str], columns: int) -> _Image:
    if len(cells) != columns or "" in cells:
        raise UserError(f"{place}: {','.join(cells)[:80]!r} must have {columns} cells, none of them empty.")
    path = PurePosixPath(cells[0])
    if path.is_absolute() or ".." in path.parts or "\\" in cells[0]:
        raise UserError(f"{place}: {cells[0]!r} must be a path inside the folder, with / between its parts.")
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{place}: {cells[0]!r} is no image; allowed are {', '.join(SUFFIXES)}.")
    if columns == 3 and cells[2] not in _SPLITS:
        raise UserError(f"{place}: split {cells[2]!r} is not allowed; allowed: {', '.join(_SPLITS)}.")
    return _Image(path.as_posix(), cells[1], cells[2] if columns == 3 else "")


def _require_pairs(images: list[_Image], settings: Folder) -> None:
    """Every split needs a class with two images, or nothing can be retrieved."""
    for split in sorted({image.split for image in images}):
        counts = Counter(image.label for image in images if image.split == split)
        if max(counts.values()) < 2:
            where = f" of the split {split}" if split else ""
            raise UserError(f"{settings.path}: no class{where} has two images; there is nothing to retrieve.")
    given = {image.split for image in images} - {""}
    if given and not {"train", "test"} <= given:
        raise UserError(f"{settings.path}: the list has no image in {' and '.join(sorted({'train', 'test'} - given))}.")
