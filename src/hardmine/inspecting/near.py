"""Copies and near copies: groups of images that are one picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hardmine.retrieval import Neighbours, nearest_neighbours
from hardmine.search.copies import Copies, numbers_of

__all__ = ["LISTED", "Group", "Surroundings", "bound_of", "groups_of", "numbers_of_groups", "surroundings_of"]

LISTED = 20
"""Neighbours that are looked at of each different vector."""
_CLOSER = 4
"""Unless a bound is given, near copies are so many times closer than an image is to its nearest in the median."""
_LARGE = 2000


@dataclass(frozen=True)
class Surroundings:
    """The M different vectors and what lies around each; copies do not crowd each other's lists.

    Attributes:
        numbers: int64 [N], which of them each image has.
        copies: the images of each.
        rows: int64 [M, K], the nearest other vectors, by their first images.
        similarities: float32 [M, K], cosines, descending.
    """

    numbers: np.ndarray
    copies: Copies
    rows: np.ndarray
    similarities: np.ndarray


@dataclass(frozen=True)
class Group:
    """Images that are one picture.

    Attributes:
        kind: of the whole: ``bytes`` (one file), ``vector`` (several files, one vector) or ``near``.
        rows: the images, ascending.
        kinds: of each: ``bytes`` where another one's file is equal, else ``vector`` where another one's vector is, else
            ``near``.
        nearest: for each the first other one with an equal file, else with an equal vector, else the one most like it.
        similarities: cosine with it.
        across_classes: they stand in several classes.
        across_splits: they stand in several splits.
    """

    kind: str
    rows: list[int]
    kinds: list[str]
    nearest: list[int]
    similarities: list[float]
    across_classes: bool
    across_splits: bool


def surroundings_of(vectors: np.ndarray, threads: int) -> Surroundings:
    """Exact neighbours among the different vectors of float32 [N, D], rows of length 1."""
    numbers = numbers_of(vectors)
    copies = Copies.of(numbers)
    distinct = np.ascontiguousarray(vectors[copies.first])
    found: Neighbours = nearest_neighbours(distinct, distinct, LISTED, np.arange(len(distinct)), threads)
    return Surroundings(numbers, copies, copies.first[found.rows], 1 - found.distances / 2)


def bound_of(around: Surroundings) -> float:
    """The cosine from which images count as near copies, by the median over images of that with their nearest."""
    if not around.similarities.size:
        return 1.0
    return float(1 - np.median(1 - around.similarities[:, 0]) / _CLOSER)


def groups_of(
    vectors: np.ndarray, digests: list[str], classes: list[str], splits: list[str], around: Surroundings, bound: float
) -> list[Group]:
    """Groups of two and more images, linked by equal files, equal vectors or a cosine of at least ``bound``.

    Those in several splits and classes come first, then larger ones.
    """
    parts = _parts(digests, around, bound)
    order = np.argsort(parts, kind="stable")
    starts = np.flatnonzero(np.diff(parts[order], prepend=-1))
    groups = [
        _group(rows.tolist(), vectors, digests, classes, splits, around.numbers)
        for rows in np.split(order, starts[1:])
        if len(rows) > 1
    ]
    return sorted(groups, key=lambda one: (-one.across_splits - one.across_classes, -len(one.rows), one.rows))


def numbers_of_groups(count: int, groups: list[Group]) -> np.ndarray:
    """A number for each of ``count`` images, int64, that those of a group share and no other has."""
    numbers = np.arange(count)
    for group in groups:
        numbers[group.rows] = group.rows[0]
    return numbers


def _parts(digests: list[str], around: Surroundings, bound: float) -> np.ndarray:
    """The connected part of each image, int [N]."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first: dict[str, int] = {}
    same_file = np.array([first.setdefault(digest, row) for row, digest in enumerate(digests)])
    close, place = np.nonzero(around.similarities >= bound)
    own = np.arange(len(digests))
    left = np.concatenate([own, own, around.copies.first[close]])
    right = np.concatenate([same_file, around.copies.first[around.numbers], around.rows[close, place]])
    links = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(len(own), len(own)))
    return connected_components(links.tocsr(), directed=False)[1]


def _group(
    rows: list[int],
    vectors: np.ndarray,
    digests: list[str],
    classes: list[str],
    splits: list[str],
    numbers: np.ndarray,
) -> Group:
    files, same = [digests[row] for row in rows], numbers[rows].tolist()
    kind = "bytes" if len(set(files)) == 1 else "vector" if len(set(same)) == 1 else "near"
    if kind != "near" or len(rows) > _LARGE:  # with the first; the first with the second
        nearest = [rows[1], *[rows[0]] * (len(rows) - 1)]
    else:
        cosines = vectors[rows] @ vectors[rows].T
        np.fill_diagonal(cosines, -np.inf)
        nearest = [rows[place] for place in cosines.argmax(axis=1)]
    kinds = ["near"] * len(rows)
    for name, equal in (("vector", _first_others(same)), ("bytes", _first_others(files))):
        for place, other in equal.items():
            kinds[place], nearest[place] = name, rows[other]
    similarities = np.minimum(np.einsum("nd,nd->n", vectors[rows], vectors[nearest]), 1).tolist()
    several = [len({names[row] for row in rows} - {""}) > 1 for names in (classes, splits)]
    return Group(kind, rows, kinds, nearest, similarities, several[0], several[1])


def _first_others(keys: Sequence[object]) -> dict[int, int]:
    """The first other place of an equal key, for those that have one."""
    places: dict[object, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    several = [found for found in places.values() if len(found) > 1]
    return {place: found[place == found[0]] for found in several for place in found}
