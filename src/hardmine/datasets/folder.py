"""The user's own images: class folders, or a list; split by class."""

import json
import os
import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hardmine.artefacts import digest, read_record, write_text
from hardmine.errors import UserError
from hardmine.settings.datasets import Folder

from .items import Items
from .listing import Entry, Listing, make_listing
from .manual import read_json
from .members import MEMBER_LIMIT, require_writable
from .own_images import OwnImage, in_class_folders, listed, require_pairs
from .spellings import under_one_spelling

__all__ = ["download", "listing", "look"]

_NAMED = 20


def download(folder: Path, settings: Folder) -> None:
    """List the images with their SHA-256 in ``files.json``; they stay where they are.

    Raises:
        UserError: the folder or its list is missing, or says what cannot be used; another plan takes other files
            under the same name.
    """
    _refuse_another(settings)
    write_text(folder / "files.json", json.dumps(_content(settings), indent=0, ensure_ascii=False) + "\n")


def listing(raw: Path, settings: Folder) -> Listing:
    """The images of ``files.json``; splits are drawn by the seed where the user's list has none.

    Raises:
        UserError: files were changed since they were listed, there are too few classes for the shares, or
            ``unreadable`` names an unknown image.
    """
    record = read_record(raw)
    content = read_json(raw / "files.json")
    looks_alike = record is None or record.settings.get("fingerprint") == settings.fingerprint()
    if not looks_alike and _content(settings) != content:
        raise UserError(f"{settings.path}: files were changed since they were listed. Run the same command again.")
    images = [OwnImage(item["path"], item["class"], item["split"]) for item in content]
    made = _split(images, _naming_files(settings, images))
    digests = {item["path"]: item["sha256"] for item in content}
    _tell_equal_files(made, digests, settings.path)
    return replace(made, digests=[digests[path] for path in made.items.paths])


def look(settings: Folder) -> Items:
    """The images as they would be packed now, none of them opened; prints what is passed over.

    Raises:
        UserError: as ``download`` does, but for files that cannot be read.
    """
    images = _images(settings)
    return _split(images, _naming_files(settings, images)).items


def _images(settings: Folder) -> list[OwnImage]:
    place = settings.place
    if not place.is_dir():
        raise UserError(f"dataset.path: there is no folder {place}. Name the folder that holds the images.")
    images = listed(place, settings.list) if settings.list else in_class_folders(place)
    require_writable(place, [image.path for image in images])
    images = under_one_spelling(images, str(place / (settings.list or "")), settings.spellings == "apart")
    require_pairs(images, settings.path)
    return images


def _content(settings: Folder) -> list[dict[str, str]]:
    """Path, class, split and SHA-256 of every image as it is now."""
    images = _images(settings)
    settings = _naming_files(settings, images)
    _split(images, settings)
    digests = _digests(settings.place, images, settings)
    return [
        {"path": image.path, "class": image.label, "split": image.split, "sha256": sha}
        for image, sha in zip(images, digests, strict=True)
    ]


def _digests(place: Path, images: list[OwnImage], settings: Folder) -> list[str]:
    """SHA-256 of each image; empty for those that cannot be read and are known to be left out."""
    digests, faults = [], []
    for image in images:
        try:
            if os.stat(place / image.path).st_size > MEMBER_LIMIT:
                raise UserError(f"is larger than {MEMBER_LIMIT:,} bytes")
            digests.append(digest(place / image.path))
        except (OSError, UserError) as error:
            digests.append("")
            if image.path not in settings.unreadable:
                faults.append(f"{image.path}: {getattr(error, 'strerror', None) or error}")
    if faults:
        more = f"\nand {len(faults) - _NAMED:,} more" if len(faults) > _NAMED else ""
        raise UserError(
            f"{place}: {len(faults):,} of {len(images):,} images cannot be read:\n"
            + "\n".join(faults[:_NAMED])
            + more
            + "\nBring the files, or what they are links to; or leave them out by listing their names under "
            "dataset.unreadable."
        )
    return digests


def _naming_files(settings: Folder, images: list[OwnImage]) -> Folder:
    """The settings with ``unreadable`` naming images as their files are called, where only the encoding differs."""
    files = {unicodedata.normalize("NFC", image.path): image.path for image in images}
    known = {image.path for image in images}
    meant = tuple(
        name if name in known else files.get(unicodedata.normalize("NFC", name), name) for name in settings.unreadable
    )
    return settings.model_copy(update={"unreadable": meant})


def _split(images: list[OwnImage], settings: Folder) -> Listing:
    drawn = _test_classes(images, settings)
    entries = []
    for image in images:
        split = image.split or ("test" if image.label in drawn else "train")
        role = "train" if split == "train" else "both"
        entries.append(Entry(image.path, image.label, split, role, settings.place, image.path))
    return make_listing(entries, settings, settings.path)


def _test_classes(images: list[OwnImage], settings: Folder) -> set[str]:
    """The classes kept for test, of those that can be tested: one image has nothing to find."""
    left_out = set(settings.unreadable)
    counts = Counter(image.label for image in images if not image.split and image.path not in left_out)
    if not counts:
        return set()
    names = sorted(label for label, count in counts.items() if count > 1)
    wanted = round(settings.test_share * len(names))
    if wanted < 2 or len(counts) - wanted < 2 or wanted == len(names):
        kind = " of two or more images" if len(names) < len(counts) else ""
        raise UserError(
            f"dataset.test_share: {settings.test_share} of {len(names)} classes{kind} is {wanted} for test and "
            f"{len(names) - wanted} for training; both need 2. Choose another share or add classes."
        )
    order = np.random.default_rng([settings.seed, 0]).permutation(len(names))
    return {names[index] for index in order[:wanted]}


def _tell_equal_files(made: Listing, digests: dict[str, str], source: str) -> None:
    """Say which images are the same file, and how many of them stand in several classes or splits."""
    groups: dict[str, list[int]] = {}
    for row, path in enumerate(made.items.paths):
        groups.setdefault(digests[path], []).append(row)
    equal = [rows for rows in groups.values() if len(rows) > 1]
    if not equal:
        return
    apart = [rows for rows in equal if len({made.items.classes[row] for row in rows}) > 1]
    splits = [rows for rows in apart if len({made.items.splits[row] for row in rows}) > 1]
    named = "; ".join(" = ".join(made.items.paths[row] for row in rows[:3]) for rows in (splits or apart or equal)[:3])
    print(
        f"{source}: equal to another image, byte by byte: {sum(map(len, equal)) - len(equal):,}; such files in several "
        f"classes: {len(apart):,}, in several splits: {len(splits):,} ({named}).",
        flush=True,
    )


def _refuse_another(settings: Folder) -> None:
    """Refuse a variant under which another plan of the project takes other files; they would replace each other."""
    mine = settings.place / (settings.list or "")
    for path in sorted(Path("scratch", "settings").glob(f"*/{settings.raw_folder}.json")):
        other = _asked_for(path)
        theirs = other.place / (other.list or "") if other else Path()
        if other is None or not theirs.exists() or not mine.exists() or theirs.samefile(mine):
            continue
        plan = path.relative_to(Path("scratch", "settings")).parts[0]
        raise UserError(
            f"dataset.variant: '{settings.variant}' is {mine} here and {theirs} in the plan '{plan}'; their images "
            "would replace each other. Name one of them differently with dataset.variant; if "
            f"'{plan}' is no longer wanted, delete {Path('scratch', 'settings', plan)}."
        )


def _asked_for(path: Path) -> Folder | None:
    """The data set of a settings file; None where it cannot be read."""
    try:
        content: Any = json.loads(path.read_bytes())
        return Folder.model_validate(content["where"]["dataset"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
