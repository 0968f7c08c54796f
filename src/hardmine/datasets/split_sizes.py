"""How many images and classes each split has."""

from collections import Counter

from .items import SPLITS, Items

__all__ = ["sizes_of", "words_for"]


def sizes_of(items: Items) -> dict[str, tuple[int, int]]:
    """Images and classes of each split that has any, in the order of ``SPLITS``."""
    images = Counter(items.splits)
    classes = Counter(split for split, _ in set(zip(items.splits, items.classes, strict=True)))
    return {split: (images[split], classes[split]) for split in SPLITS if images[split]}


def words_for(items: Items) -> str:
    """The sizes in words, and how many classes have one image, which nothing can be found for."""
    parts = [
        f"{split} {images:,} images of {classes:,} classes" for split, (images, classes) in sizes_of(items).items()
    ]
    single = sum(count == 1 for count in Counter(items.classes).values())
    alone = f"; {single:,} class{'es have' if single > 1 else ' has'} one image" if single else ""
    return ", ".join(parts) + alone
