"""Attributes of letters, for the first branch of the mixed difference network."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from hardmine.errors import UserError

__all__ = ["attributes_of", "shuffled"]


def attributes_of(paths: Sequence[str], kind: str) -> np.ndarray:
    """Number of each image's attribute, int64 [N], 0.. in the order of sorted names.

    Args:
        paths: of the images, in a folder named by its letter's code point (``U+00E9/003-DejaVuSans``).
        kind: ``script``, the first word of the letter's Unicode name, or ``base-letter``, the letter without accents.

    Raises:
        UserError: a folder names no letter, or all letters have the same attribute.
    """
    names = [_attribute(path, kind) for path in paths]
    known, numbers = np.unique(names, return_inverse=True)
    if len(known) < 2:
        raise UserError(f"attribute: all training images have the {kind} {known[0]}, which teaches nothing.")
    return numbers.astype(np.int64)


def shuffled(attributes: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """The attributes dealt to the classes at random: as many classes with each as before; int64 [N].

    Args:
        attributes: int64 [N], one a class.
        labels: int64 [N], classes 0..C-1.
        seed: of the deal.
    """
    first = np.unique(labels, return_index=True)[1]
    return np.random.default_rng([seed, 7]).permutation(attributes[first])[labels]


def _attribute(path: str, kind: str) -> str:
    folder = path.split("/")[0]
    try:
        letter = chr(int(folder.removeprefix("U+"), 16))
        name = unicodedata.name(letter)
    except (ValueError, OverflowError):
        raise UserError(
            f"attribute: {path} lies in no folder named by a letter's code point, as those of glyphs do. "
            "Set network: single."
        ) from None
    return name.split()[0] if kind == "script" else unicodedata.normalize("NFD", letter)[0]
