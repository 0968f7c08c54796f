"""What neighbour lists say: votes on labels, classes that find each other, images far from everything."""

from dataclasses import dataclass

import numpy as np

from .near import Surroundings

__all__ = ["Outlier", "Overlap", "Votes", "outliers_of", "overlaps_of", "votes_of"]

_VOTERS = 10
_CLOSEST = 5
_FAR = 3.5
"""Robust standard deviations from the median."""
_LEAST = 0.02
"""Share of the median distance that a deviation is taken to be at least."""


@dataclass(frozen=True)
class Votes:
    """Plain votes of the ten nearest labelled images that are no copies.

    Attributes:
        own: float64 [N], share that has the image's own label.
        others: int64 [N], the most frequent other label, -1 for none.
        share: float64 [N], share that has it.
    """

    own: np.ndarray
    others: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class Overlap:
    """Two classes whose images find each other.

    Attributes:
        first: a class.
        second: another.
        there: share of the ten nearest of the first's images that are of the second, in the mean.
        back: the same the other way.
        example: the closest pair of images, (of the first, of the second).
    """

    first: int
    second: int
    there: float
    back: float
    example: tuple[int, int]

    @property
    def score(self) -> float:
        """Geometric mean of both shares."""
        return float(np.sqrt(self.there * self.back))


@dataclass(frozen=True)
class Outlier:
    """An image far from everything: mean of 1 - cosine to its five nearest, and how many robust deviations that is."""

    row: int
    distance: float
    deviations: float


def votes_of(labels: np.ndarray, around: Surroundings) -> Votes:
    """Votes for each image; ``labels`` int64 [N], -1 for none."""
    voters = _labels_of_distinct(labels, around)[around.numbers[around.rows[around.numbers, :_VOTERS]]]
    total = np.maximum((voters >= 0).sum(axis=1), 1)
    mine = (voters == labels[:, None]) & (labels >= 0)[:, None]
    counts = np.zeros(voters.shape, np.int64)
    for place in range(voters.shape[1]):
        counts += voters == voters[:, place : place + 1]
    counts[mine | (voters < 0)] = 0
    if not voters.shape[1]:
        return Votes(np.zeros(len(labels)), np.full(len(labels), -1), np.zeros(len(labels)))
    best, each = counts.argmax(axis=1), np.arange(len(labels))
    most = counts[each, best]
    return Votes(mine.sum(axis=1) / total, np.where(most > 0, voters[each, best], -1), most / total)


def overlaps_of(labels: np.ndarray, around: Surroundings) -> list[Overlap]:
    """Pairs of classes with images of each among the ten nearest of the other, the strongest first."""
    own = _labels_of_distinct(labels, around)
    found = own[around.numbers[around.rows[:, :_VOTERS]]]
    owners, places = np.nonzero((own[:, None] >= 0) & (found >= 0) & (found != own[:, None]))
    if not len(owners):
        return []
    here, there = own[owners], found[owners, places]
    size, most = np.bincount(own[own >= 0]), labels.max() + 1
    keys, counts = np.unique(here * most + there, return_counts=True)
    lists = np.maximum(size, 1) * found.shape[1]
    shares = {int(key): count / lists[key // most] for key, count in zip(keys, counts, strict=True)}
    order = np.argsort(-around.similarities[owners, places], kind="stable")
    closest, first = np.unique((here * most + there)[order], return_index=True)
    pair = dict(zip(closest.tolist(), order[first].tolist(), strict=True))
    overlaps = []
    for key, share in shares.items():
        back = key % most * most + key // most
        if key < back and back in shares:
            edge = pair[key]
            example = (int(around.copies.first[owners[edge]]), int(around.rows[owners[edge], places[edge]]))
            overlaps.append(Overlap(key // most, key % most, float(share), float(shares[back]), example))
    return sorted(overlaps, key=lambda one: -one.score)


def outliers_of(around: Surroundings) -> list[Outlier]:
    """Images whose distance from their five nearest is far above what is usual, the farthest first.

    Usual: the median, and 1.4826 times the median absolute deviation; from 3.5 of these an image counts as far
    (Iglewicz and Hoaglin 1993).
    """
    if not around.rows.shape[1]:
        return []
    distance = (1 - around.similarities[:, :_CLOSEST]).mean(axis=1)
    middle = np.median(distance)
    spread = max(1.4826 * float(np.median(np.abs(distance - middle))), _LEAST * float(middle), 1e-6)
    deviations = (distance - middle) / spread
    far = np.flatnonzero(deviations > _FAR)
    found = [
        Outlier(int(row), float(distance[number]), float(deviations[number]))
        for number in far
        for row in around.copies.rows[around.copies.starts[number] :][: around.copies.counts[number]]
    ]
    return sorted(found, key=lambda one: (-one.deviations, one.row))


def _labels_of_distinct(labels: np.ndarray, around: Surroundings) -> np.ndarray:
    """The label of each different vector: of its first image that has one, -1 for none; int64 [M]."""
    found = np.full(len(around.copies), -1)
    named = np.flatnonzero(labels >= 0)[::-1]
    found[around.numbers[named]] = labels[named]
    return found
