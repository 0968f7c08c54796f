"""The mined pairs as rows of a table, in the layouts that other libraries read.

sentence-transformers takes columns by their order, and ``label`` or ``score`` by its name: ``anchor, positive,
negative``; ``anchor, positive, negative_1, …, negative_n``; ``anchor, other, label``. ``score`` is a list of the
positive's and the negatives' scores; for pairs it is the pair's own and takes the place of ``label``.
open-metric-learning takes one row an image: ``label, path, split, is_query, is_gallery``.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hardmine.errors import UserError
from hardmine.foreign import in_csv

from .labelled import Labelled, label_numbers
from .mining import Mined

__all__ = ["IMAGE_COLUMNS", "Layout", "Shape", "blocks", "columns_of", "image_rows", "place_of", "require_rows"]

Shape = Literal["pairs", "triplets", "n-tuples"]

IMAGE_COLUMNS = (
    *("path", "label", "split", "is_query", "is_gallery", "class"),
    *("as_anchor", "as_positive", "as_negative"),
)
"""Of ``image_rows``."""

_BLOCK = 16_384
_DIGITS = 6
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_SPLITS = {"": "train", "train": "train"}


@dataclass(frozen=True)
class Layout:
    """How rows look.

    Attributes:
        shape: of a row.
        scores: whether they are there.
        negatives: in a tuple.
        relative: paths inside the folder of images, not from where the command ran.
    """

    shape: Shape
    scores: bool
    negatives: int
    relative: bool


def columns_of(layout: Layout) -> list[str]:
    """Names of the columns, in order."""
    if layout.shape == "pairs":
        return ["anchor", "other", "score" if layout.scores else "label"]
    numbered = [f"negative_{number}" for number in range(1, layout.negatives + 1)]
    negatives = ["negative"] if layout.shape == "triplets" else numbered
    return ["anchor", "positive", *negatives, *(["score"] if layout.scores else [])]


def place_of(labelled: Labelled, path: str, relative: bool) -> str:
    """An image's path as it is written: no spreadsheet takes it for a formula, every program opens it."""
    if not relative:
        path = os.path.join(labelled.root, path)
    return f"./{path}" if path.startswith(_FORMULA) else path


def require_rows(mined: Mined, layout: Layout) -> np.ndarray:
    """Pairs that give rows, bool [R]: for tuples those with all their negatives.

    Raises:
        UserError: there is none.
    """
    full = mined.negatives[:, -1] >= 0 if layout.shape == "n-tuples" else np.ones(len(mined.anchors), dtype=bool)
    if not full.any():
        most = int((mined.negatives >= 0).sum(axis=1).max())
        raise UserError(
            f"--as n-tuples: no anchor has {layout.negatives} negatives left; the most is {most}. Give --negatives "
            f"{most}, loosen a rule, or write triplets. Nothing was written."
        )
    return full


def blocks(labelled: Labelled, mined: Mined, layout: Layout) -> Iterator[dict[str, list[Any]]]:
    """Columns of the rows, some thousand pairs at a time, by ascending anchor, negatives nearest first."""
    rows = np.flatnonzero(require_rows(mined, layout))
    places = np.array([place_of(labelled, image.path, layout.relative) for image in labelled.images], dtype=object)
    make = {"pairs": _pairs, "triplets": _triplets, "n-tuples": _tuples}[layout.shape]
    for start in range(0, len(rows), _BLOCK):
        columns = make(mined, rows[start : start + _BLOCK], places)
        yield {name: list(columns[name]) for name in columns_of(layout)}


def image_rows(labelled: Labelled, mined: Mined, relative: bool) -> Iterator[dict[str, Any]]:
    """One row an image, as open-metric-learning reads them, and what it was used as.

    ``label`` is a number; ``split`` is train or validation; ``is_query`` and ``is_gallery`` are empty for training.
    """
    labels, _ = label_numbers(labelled.images)
    taken = mined.negatives[mined.negatives >= 0]
    anchors, negatives = (np.bincount(rows, minlength=len(labels)) for rows in (mined.anchors, taken))
    positives = np.bincount(mined.positives, minlength=len(labels))
    for row, image in enumerate(labelled.images):
        split = _SPLITS.get(image.split, "validation")
        yield {
            "path": place_of(labelled, image.path, relative),
            "label": int(labels[row]),
            "split": split,
            "is_query": "" if split == "train" else True,
            "is_gallery": "" if split == "train" else True,
            "class": in_csv(image.label),
            "as_anchor": int(anchors[row]),
            "as_positive": int(positives[row]),
            "as_negative": int(negatives[row]),
        }


def _triplets(mined: Mined, rows: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    owners, turns = np.nonzero(mined.negatives[rows] >= 0)
    own = rows[owners]
    scores = np.stack([mined.positive_scores[own], mined.negative_scores[own, turns]], axis=1)
    return {
        "anchor": places[mined.anchors[own]],
        "positive": places[mined.positives[own]],
        "negative": places[mined.negatives[own, turns]],
        "score": _rounded(scores),
    }


def _tuples(mined: Mined, rows: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    scores = np.concatenate([mined.positive_scores[rows, None], mined.negative_scores[rows]], axis=1)
    negatives = {f"negative_{turn + 1}": places[column] for turn, column in enumerate(mined.negatives[rows].T)}
    return {
        "anchor": places[mined.anchors[rows]],
        "positive": places[mined.positives[rows]],
        **negatives,
        "score": _rounded(scores),
    }


def _pairs(mined: Mined, rows: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    others = np.concatenate([mined.positives[rows, None], mined.negatives[rows]], axis=1)
    scores = np.concatenate([mined.positive_scores[rows, None], mined.negative_scores[rows]], axis=1)
    owners, turns = np.nonzero(others >= 0)
    return {
        "anchor": places[mined.anchors[rows[owners]]],
        "other": places[others[owners, turns]],
        "label": (turns == 0).astype(int).tolist(),
        "score": _rounded(scores[owners, turns]),
    }


def _rounded(scores: np.ndarray) -> list[Any]:
    return np.round(scores.astype(np.float64), _DIGITS).tolist()
