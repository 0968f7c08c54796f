"""How many images and classes each split of a data set has, known without its files."""

from collections.abc import Mapping

from hardmine.datasets import cars196, cub200, grocery, inshop, omniglot, products, vehicleid
from hardmine.datasets.items import Items
from hardmine.errors import UserError
from hardmine.settings.datasets import (
    Cars196,
    Cub200,
    Dataset,
    Folder,
    Glyphs,
    Grocery,
    ImageDataset,
    Inshop,
    Omniglot,
    Products,
    VehicleID,
)

__all__ = ["Counts", "counts_of", "made_items"]

Counts = dict[str, tuple[int, int]]
"""(images, classes) of ``train``, ``validation``, ``warm`` and ``test``, or ``query`` and ``gallery`` in its place."""
KINDS = tuple(f"U+{ord(letter):04X}" for letter in "AÁÄEÉΑΆΕАЯИЙ")
"""Super-categories of made lists: the first three folders of a path name one; letters, as the folders of glyphs are."""


def counts_of(dataset: Dataset, images: int | None = None, classes: int | None = None) -> tuple[Counts, str]:
    """What the settings of a data set, its published figures, or the given totals say, and which of them it was.

    Args:
        dataset: its settings.
        images: of the whole data set, where nothing else says it.
        classes: likewise.

    Raises:
        UserError: nothing says it, or the shares of the settings leave a split without classes.
    """
    if isinstance(dataset, Glyphs):
        letters = {"train": dataset.train_letters, "validation": dataset.validation_letters}
        letters |= {"test": dataset.test_letters, "warm": dataset.warm_letters}
        return {key: (count * dataset.images_per_letter, count) for key, count in letters.items() if count}, "settings"
    if isinstance(dataset, ImageDataset) and not isinstance(dataset.counts, str):
        return _with_validation(dict(dataset.counts), dataset), "dataset.counts"
    if published := _published(dataset):
        return _with_validation(published, dataset), "published"
    if images is None or classes is None:
        raise UserError(
            f"dataset: nothing says how many images '{dataset.name}' has before it is packed. Say about how many: "
            "--images 12000 --classes 300 (of all splits together)."
        )
    if classes < 4 or images < 2 * classes:
        raise UserError(
            f"--images {images} --classes {classes}: at least 4 classes of two images each are needed, some for "
            "training and some for test."
        )
    return _with_validation(_divided(dataset, images, classes), dataset), "--images and --classes"


def made_items(counts: Mapping[str, tuple[int, int]]) -> Items:
    """A list of a data set with these counts, images spread evenly over classes."""
    paths, labels, splits, roles = [], [], [], []
    for part, (images, classes) in counts.items():
        split = "test" if part in ("query", "gallery") else part
        role = "train" if part in ("train", "warm") else part if split != part else "both"
        for label in range(classes):
            kind, name = KINDS[label % len(KINDS)], f"{split}{label:06d}"
            members = images // classes + (label < images % classes)
            paths += [f"{kind}/{kind}/{kind}/{name}/{part}{image}.jpg" for image in range(members)]
            labels += [name] * members
            splits += [split] * members
            roles += [role] * members
    return Items(paths, labels, splits, roles)


def _published(dataset: Dataset) -> Counts:
    match dataset:
        case Cub200():
            return dict(cub200.COUNTS)
        case Cars196():
            return dict(cars196.COUNTS[dataset.release])
        case Products():
            return dict(products.COUNTS)
        case Inshop():
            images, items = inshop.COUNTS["train"]
            gone = inshop.SINGLE_IMAGE_ITEMS if dataset.single_image_items == "drop" else 0
            return {**inshop.COUNTS, "train": (images - gone, items - gone)}
        case VehicleID():
            return {"train": vehicleid.TRAIN_COUNT, "test": vehicleid.COUNTS[dataset.test_list]}
        case Omniglot():
            return dict(omniglot.COUNTS[dataset.split])
        case Grocery():
            return dict(grocery.COUNTS[dataset.split])
    return {}


def _divided(dataset: Dataset, images: int, classes: int) -> Counts:
    """Totals divided into training and test as ``dataset.test_share`` says; by halves where there is no such key."""
    share = dataset.test_share if isinstance(dataset, Folder) else 0.5
    tested = min(max(2, round(share * classes)), classes - 2)
    of_tested = round(images * tested / classes)
    return {"train": (images - of_tested, classes - tested), "test": (of_tested, tested)}


def _with_validation(counts: Counts, dataset: Dataset) -> Counts:
    """Counts with the share of the training classes that the settings keep for validation."""
    share = getattr(dataset, "validation_share", 0)
    if not share or "validation" in counts or "train" not in counts:
        return counts
    images, classes = counts["train"]
    kept = round(share * classes)
    if kept < 1 or classes - kept < 2:
        raise UserError(
            f"dataset.validation_share: {share} of {classes} training classes is {kept} for validation and "
            f"{classes - kept} for training; at least 1 and 2 are needed."
        )
    of_kept = round(images * kept / classes)
    return {**counts, "train": (images - of_kept, classes - kept), "validation": (of_kept, kept)}
