"""One class under several spellings: merged where they are the same letters, else refused."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace

from hardmine.errors import UserError

from .own_images import OwnImage

__all__ = ["two_spellings", "under_one_spelling"]

_NAMED = 5


def under_one_spelling(
    images: list[OwnImage], source: str, apart: bool, otherwise: str = "set dataset.spellings: apart"
) -> list[OwnImage]:
    """Give every class one name.

    Names of the same letters in another encoding (é as one sign or as e and an accent: NFC, NFD) are one class, which
    is said. Names that differ only in case, leading zeros, ``.0``, white space or invisible characters are refused; of
    names of one letter, case counts.

    Args:
        images: of the user.
        source: names them in messages.
        apart: allow such names as classes of their own.
        otherwise: what to do where they are, for the message.

    Raises:
        UserError: classes have two spellings; both are named with their places.
    """
    merged = _several(_labels(images), lambda label: unicodedata.normalize("NFC", label))
    for letters, labels in merged.items():
        print(f"{source}: class {letters!r} is written in {len(labels)} encodings (NFC, NFD); it is one.", flush=True)
    names = {label: letters for letters, labels in merged.items() for label in labels}
    images = [replace(image, label=names.get(image.label, image.label)) for image in images]
    doubtful = [] if apart else two_spellings(_labels(images))
    if doubtful:
        named = "\n".join(
            "  " + " and ".join(f"{label!r} ({_places(images, label)})" for label in labels)
            for labels in doubtful[:_NAMED]
        )
        more = f"\n  and {len(doubtful) - _NAMED:,} more" if len(doubtful) > _NAMED else ""
        raise UserError(
            f"{source}: a class has two spellings, which would count as two classes:\n{named}{more}\n"
            f"Give each class one name; if they are different classes, {otherwise}."
        )
    return images


def two_spellings(labels: Iterable[str]) -> list[list[str]]:
    """Names that differ only in what ``under_one_spelling`` refuses, those of one class together."""
    return list(_several(labels, _meant).values())


def _labels(images: list[OwnImage]) -> set[str]:
    return {image.label for image in images}


def _several(labels: Iterable[str], form: Callable[[str], str]) -> dict[str, list[str]]:
    """Forms that several labels have."""
    forms: dict[str, list[str]] = {}
    for label in sorted(set(labels)):
        forms.setdefault(form(label), []).append(label)
    return {key: found for key, found in forms.items() if len(found) > 1}


def _meant(label: str) -> str:
    """What two spellings of one class have in common."""
    seen = (letter for letter in unicodedata.normalize("NFKC", label) if not _is_invisible(letter))
    text = " ".join("".join(seen).split())
    if number := re.fullmatch(r"([0-9]+)(\.0+)?", text):
        return number[1].lstrip("0") or "0"
    return text.casefold() if len(text) > 1 else text


def _is_invisible(letter: str) -> bool:
    return unicodedata.category(letter) == "Cf" or "\ufe00" <= letter <= "\ufe0f"


def _places(images: list[OwnImage], label: str) -> str:
    """How many images, and where the class is named first."""
    own = [image for image in images if image.label == label]
    return f"{own[0].place}, {len(own):,} image{'s' * (len(own) > 1)}, first {own[0].path!r}"
