"""How many images and classes each split has."""

from collections import Counter

from .items import Items

__all__ = ["sizes_of", "words_for"]


def sizes_of(items: Items) -> dict[str, tuple[int, int]]:
    """Images and classes of each split that has any, train, validation and test first."""
    order = [split for split in ("train", "validation", "test") if split in items.splits]
    pairs = list(zip(items.splits, items.classes, strict=True))
    images = Counter(items.splits)
    return {
        split: (images[split], len({label for own, label in pairs if own == split}))
        for split in [*order, *sorted(set(items.splits) - set(order))]
    }


def words_for(items: Items) -> str:
    """The sizes in words, and how many classes have one image, which nothing can be found for."""
    parts = [
        f"{split} {images:,} images of {classes:,} classes" for split, (images, classes) in sizes_of(items).items()
    ]
    single = sum(count == 1 for count in Counter(items.classes).values())
    alone = f"; {single:,} class{'es have' if single > 1 else ' has'} one image" if single else ""
    return ", ".join(parts) + alone
