"""Images and their classes: by sub-folder, or by a list; of a folder, or of an index."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardmine.datasets.own_images import OwnImage, listed_among, refuse_splits
from hardmine.datasets.spellings import under_one_spelling
from hardmine.errors import UserError
from hardmine.settings.datasets.own_files import listed_names

__all__ = ["Labelled", "by_folder", "by_list", "chosen", "label_numbers"]

_NAMED_OTHERWISE = (
    "name them otherwise, in a list with the columns path,class where the folders are to stay. Folders of an index "
    "that were renamed are known to it after 'hardmine index'"
)


@dataclass(frozen=True)
class Labelled:
    """Images with classes.

    Attributes:
        root: the folder of the images.
        images: path in it, class and split (empty where nobody says), by ascending path.
        unlisted: images there that the list does not name.
        other_splits: images of splits that were not asked for.
    """

    root: Path
    images: list[OwnImage]
    unlisted: int = 0
    other_splits: int = 0


def by_folder(root: Path, names: list[str]) -> Labelled:
    """Classes by the first folder of each path.

    Raises:
        UserError: an image lies in no class folder, the folders are splits, or a class has two spellings.
    """
    stray = [name for name in names if "/" not in name]
    if stray:
        raise UserError(
            f"{root}: has no labels: {listed_names(stray)} lies in no class folder. Put the images of each class into "
            "a folder, or give a list with the columns path,class."
        )
    refuse_splits(names, str(root), "Give one of them, or a list with the columns path,class,split.")
    return _labelled(root, [OwnImage(name, name.split("/")[0], "", "a folder") for name in names], str(root))


def by_list(root: Path, names: list[str], file: Path) -> Labelled:
    """Classes by a CSV file with the columns path,class or path,class,split; other images are left out.

    Raises:
        UserError: the file cannot be read, has other columns, an empty cell or a path twice, names images that are not
            there, or a class in two spellings.
    """
    images, missing = listed_among(names, file)
    if missing:
        raise UserError(
            f"{file}: {len(missing):,} of {len(missing) + len(images):,} lines name images that are not in {root}: "
            f"{listed_names(missing)}. Paths are those inside that folder, with / between their parts."
        )
    found = _labelled(root, [images[name] for name in sorted(images)], str(file))
    return Labelled(root, found.images, len(names) - len(images))


def chosen(labelled: Labelled, split: str | None) -> Labelled:
    """The images of a split; where none is asked for, of ``train`` if the list has splits.

    Raises:
        UserError: the list has no such split.
    """
    splits = Counter(image.split for image in labelled.images)
    if split is None and set(splits) == {""}:
        return labelled
    if split == "all":
        return labelled
    wanted = split or "train"
    if wanted not in splits:
        known = ", ".join(sorted(name for name in splits if name)) or "none: it has no column split"
        raise UserError(f"--split {wanted}: the list has no such split; its splits: {known}. 'all' takes every image.")
    images = [image for image in labelled.images if image.split == wanted]
    return Labelled(labelled.root, images, labelled.unlisted, len(labelled.images) - len(images))


def label_numbers(images: list[OwnImage]) -> tuple[np.ndarray, list[str]]:
    """Numbers of the classes, int64 [N], and their names in that order."""
    classes = sorted({image.label for image in images})
    numbers = {label: number for number, label in enumerate(classes)}
    return np.array([numbers[image.label] for image in images], dtype=np.int64), classes


def _labelled(root: Path, images: list[OwnImage], source: str) -> Labelled:
    return Labelled(root, under_one_spelling(images, source, False, _NAMED_OTHERWISE))
