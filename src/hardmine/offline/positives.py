"""Positives: for each image others of its class, the nearest, the farthest or drawn ones, never a copy of it."""

from dataclasses import dataclass

import numpy as np

from hardmine.retrieval.equal import EQUAL
from hardmine.retrieval.products import pair_distances, squared_norms

from .equal import priorities
from .rules import Rules

__all__ = ["Positives", "choose_positives", "first_places", "members_of"]

_CELLS = 2**21
"""Distances at a time."""
_DIGITS = 12
"""Decimals of a squared distance that decide; what lies beyond them is rounding."""


@dataclass(frozen=True)
class Positives:
    """Positives of N images.

    Attributes:
        rows: int64 [N, P], -1 where there are fewer.
        squared: float64 [N, P], squared distances, infinite there.
    """

    rows: np.ndarray
    squared: np.ndarray


def choose_positives(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray, rules: Rules) -> Positives:
    """Choose the positives of every image; time grows with the square of the classes' sizes.

    Args:
        vectors: float32 [N, D], rows of length 1.
        labels: int64 [N], 0..C-1.
        groups: int64 [N], see ``equal_groups``.
        rules: ``positive``, ``positives``, ``duplicate_score``, ``seed``.
    """
    rows = np.full((len(labels), rules.positives), -1, dtype=np.int64)
    for members in members_of(labels):
        if len(members) < 2:
            continue
        own = vectors[members].astype(np.float64)
        norms = squared_norms(own)
        step = max(1, _CELLS // len(members))
        for start in range(0, len(members), step):
            part = slice(start, start + step)
            squared = norms[part, None] + norms - 2 * own[part] @ own.T
            keys = _keys(squared, members[part], members, rules)
            keys[groups[members[part], None] == groups[members]] = np.inf
            found = first_places(keys, rules.positives)
            rows[members[part]] = np.where(found >= 0, members[found], -1)
    squared = np.full(rows.shape, np.inf)
    owners, places = np.nonzero(rows >= 0)
    squared[owners, places] = pair_distances(vectors, vectors, owners, rows[owners, places])
    return Positives(rows, squared)


def members_of(labels: np.ndarray) -> list[np.ndarray]:
    """Rows int64 of each class, ascending."""
    return np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1])


def first_places(keys: np.ndarray, count: int) -> np.ndarray:
    """Places of the ``count`` smallest keys of each row, ties to the lower place, -1 where only infinite ones are left.

    Args:
        keys: float64 [b, m]; it is written into.
        count: few.
    """
    found = np.full((len(keys), count), -1, dtype=np.int64)
    each = np.arange(len(keys))
    for turn in range(min(count, keys.shape[1])):
        place = keys.argmin(axis=1)
        found[:, turn] = np.where(np.isinf(keys[each, place]), -1, place)
        keys[each, place] = np.inf
    return found


def _keys(squared: np.ndarray, anchors: np.ndarray, members: np.ndarray, rules: Rules) -> np.ndarray:
    """What is smallest for the positive that is wanted; infinite for copies."""
    copies = squared <= EQUAL
    if rules.duplicate_score is not None:
        copies |= 1 - squared / 2 >= rules.duplicate_score
    if rules.positive == "random":
        keys = priorities(rules.seed, anchors[:, None], members[None, :]).astype(np.float64)
    else:
        keys = np.round(squared if rules.positive == "nearest" else -squared, _DIGITS)
    keys[copies] = np.inf
    return keys
