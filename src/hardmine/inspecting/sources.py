"""Which images are looked at, and what their labels are: class folders, a list, or an index with either."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hardmine.datasets.own_images import OwnImage, in_class_folders, listed, listed_among, refuse_splits
from hardmine.datasets.spellings import under_one_spelling
from hardmine.errors import UserError
from hardmine.search.guard import reading
from hardmine.settings.datasets.own_files import listed_names

__all__ = ["Labels", "labels_of_files", "labels_of_index"]

_WORDS = {
    "name a list with dataset.list": "give a list (CSV: path,class) instead of the folder",
    "name it with dataset.list": "give it instead of the folder",
}
_AS_A_LIST = "a list (CSV, first line path,class or path,class,split) inside the folder of images"

_LABELS = "Give a list with --labels (CSV, first line path,class or path,class,split; paths as in the index)."


@dataclass(frozen=True)
class Labels:
    """What is said of the images.

    Attributes:
        folder: of the images.
        names: paths within it, with ``/``, sorted.
        classes: of each image; empty where nothing says it.
        splits: of each image; empty where nothing says it.
    """

    folder: Path
    names: list[str]
    classes: list[str]
    splits: list[str]


def labels_of_files(source: Path) -> Labels:
    """The images of a folder of class folders, or of a list that lies in the folder of images.

    Raises:
        UserError: there is no such folder or list, it holds no image, or says what cannot be used.
    """
    with reading(source, fault="cannot be read"):
        if source.is_dir():
            return _labels(source, _in_our_words(in_class_folders, source), source)
        if source.is_file():
            return _labels(source.parent, _in_our_words(listed, source.parent, source.name), source)
    raise UserError(
        f"{source}: there is no such folder or list. Give a folder whose folders are classes, or {_AS_A_LIST}."
    )


def labels_of_index(source: Path, names: list[str], images: Path, given: Path | None) -> Labels:
    """The labels of an index's images: of a list, or else the first folders of their paths.

    Images of the index that a list does not name have no label; they are compared with the others all the same.

    Args:
        source: folder of the index.
        names: its images.
        images: their folder; the list need not lie in it.
        given: the list, or None.

    Raises:
        UserError: no image has a label, the folders look like splits, or the list names what the index does not have.
    """
    if given is None:
        stray = [name for name in names if "/" not in name]
        if stray:
            raise UserError(
                f"{source}: has no labels: {listed_names(stray)} {'lie' if len(stray) > 1 else 'lies'} in no class "
                f"folder. {_LABELS}"
            )
        refuse_splits(names, str(source), _LABELS)
        return _labels(images, [OwnImage(name, name.split("/")[0], "", "a folder") for name in names], source)
    if not os.path.isfile(given):
        raise UserError(f"--labels {given}: there is no such file.")
    found, unknown = listed_among(names, given)
    if unknown:
        raise UserError(
            f"{given}: names {len(unknown):,} of {len(unknown) + len(found):,} images that {source} does not have: "
            f"{listed_names(unknown)}. Paths must be as in the index, such as {listed_names(names[:1])}; 'hardmine "
            "index' brings it up to date."
        )
    labels = _labels(images, list(found.values()), given)
    label = dict(zip(labels.names, zip(labels.classes, labels.splits, strict=True), strict=True))
    own = [label.get(name, ("", "")) for name in names]
    return Labels(images, names, [one for one, _ in own], [split for _, split in own])


def _in_our_words(read: Callable[..., list[OwnImage]], *where: object) -> list[OwnImage]:
    """Read labels as the data set ``folder`` does; its messages name keys of a plan, which there is none here."""
    try:
        return read(*where)
    except UserError as error:
        words = str(error)
        for theirs, ours in _WORDS.items():
            words = words.replace(theirs, ours)
        raise UserError(words) from None


def _labels(folder: Path, images: list[OwnImage], source: Path) -> Labels:
    images = sorted(under_one_spelling(images, str(source), apart=True), key=lambda image: image.path)
    return Labels(folder, *([getattr(image, key) for image in images] for key in ("path", "label", "split")))
