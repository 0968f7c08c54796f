"""Smart Mining's selection: triplets whose negative lies outside a sphere about the anchor (its Algorithm 1)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hardmine.mining.neighbour_lists import NeighbourLists, NeighbourSearch
from hardmine.retrieval.equal import EQUAL

from .class_members import ClassMembers

__all__ = ["MINED", "OUTSIDE", "RANDOM", "SKIPPED", "Selection", "SphereRules", "mine", "select_triplets"]

MINED, OUTSIDE, RANDOM, SKIPPED = 0, 1, 2, 3
"""How a triplet came about: both images from the list, its positive from elsewhere, all at random, not at all."""


@dataclass(frozen=True)
class SphereRules:
    """What the paper leaves open; the settings of the same names explain them."""

    bound: Literal["at-least", "beyond"] = "at-least"
    fallback_positive: Literal["outside-list", "not-in-positives"] = "outside-list"
    outside_empty: Literal["random-triplet", "farthest-positive", "skip"] = "random-triplet"
    negative_order: Literal["near-first", "far-first"] = "near-first"


@dataclass(frozen=True)
class Selection:
    """Triplets of M anchors, ``per_anchor`` each, those of an anchor side by side.

    Attributes:
        triplets: int64 [M · per_anchor, 3], anchor, positive, negative; -1 in both where skipped.
        flags: int8 [M · per_anchor], MINED, OUTSIDE, RANDOM or SKIPPED.
        limits: float64 [m], 4 / q(anchor, first positive) of the anchors whose list has a positive: the scale of
            the sphere from which on unit vectors have no negative outside it.
    """

    triplets: np.ndarray
    flags: np.ndarray
    limits: np.ndarray


def select_triplets(
    lists: NeighbourLists,
    members: ClassMembers,
    kappa: float,
    generator: np.random.Generator,
    per_anchor: int = 1,
    rules: SphereRules = SphereRules(),
) -> Selection:
    """Select triplets outside the spheres, section 6.2 of the specification, all anchors at once.

    With j the nearest listed image of the anchor's class, the sphere has the squared radius kappa · q(a,j). Negatives
    are listed images of other classes behind j and outside the sphere; the positive is the first of the class behind
    the negative. A listed image equal to the anchor is passed over: it would make a sphere of no size.

    Args:
        lists: neighbours of M anchors.
        members: the classes.
        kappa: scale of the sphere, on squared distances.
        generator: of the random parts.
        per_anchor: triplets of an anchor, with different negatives.
        rules: what the paper leaves open.
    """
    anchors, rows, distances = lists.anchors, lists.rows, lists.distances.astype(np.float64)
    columns = np.arange(rows.shape[1])
    present = (rows >= 0) & (distances > EQUAL)
    same = present & (members.labels[rows] == members.labels[anchors][:, None])
    has_positive = same.any(axis=1)
    first = same.argmax(axis=1)
    nearest = np.where(has_positive, distances[np.arange(len(anchors)), first], np.inf)
    radius = (kappa * nearest)[:, None]
    outside = distances >= radius if rules.bound == "at-least" else distances > radius
    usable = present & outside & (columns > first[:, None]) & has_positive[:, None]
    negatives, positives = usable & ~same, usable & same
    rank = negatives.cumsum(axis=1)
    total = negatives.sum(axis=1)

    triplets = np.empty((len(anchors), per_anchor, 3), dtype=np.int64)
    flags = np.full((len(anchors), per_anchor), RANDOM, dtype=np.int8)
    for turn in range(per_anchor):
        wanted = turn + 1 if rules.negative_order == "near-first" else total - turn
        chosen = negatives & (rank == np.reshape(wanted, (-1, 1)))
        some = np.flatnonzero(chosen.any(axis=1))
        negative = chosen[some].argmax(axis=1)
        behind = positives[some] & (columns > negative[:, None])
        listed = behind.any(axis=1)
        positive = np.where(listed, rows[some, behind.argmax(axis=1)] if len(some) else -1, -1)
        lacking = np.flatnonzero(~listed)
        if len(lacking):
            positive[lacking] = _fallback(lists, members, same, positives, first, some[lacking], generator, rules)
        triplets[:, turn] = members.random_triplets(anchors, generator)
        found = positive >= 0
        kept = some[found]
        triplets[kept, turn, 1] = positive[found]
        triplets[kept, turn, 2] = rows[kept, negative[found]]
        flags[kept, turn] = np.where(listed[found], MINED, OUTSIDE)
        if rules.outside_empty == "skip":
            triplets[some[~found], turn, 1:] = -1
            flags[some[~found], turn] = SKIPPED
    return Selection(triplets.reshape(-1, 3), flags.reshape(-1), 4 / nearest[has_positive])


def mine(
    search: NeighbourSearch,
    anchors: np.ndarray,
    length: int,
    members: ClassMembers,
    kappa: float,
    generator: np.random.Generator,
    per_anchor: int = 1,
    rules: SphereRules = SphereRules(),
    block: int = 4096,
) -> Selection:
    """Search and select for many anchors, ``block`` at a time, so that the lists are never held all at once.

    Args:
        search: over all training images.
        anchors: int64 [M].
        length: of a list.
        members: see ``select_triplets``, also for the arguments that follow.
        kappa: scale of the sphere.
        generator: of the random parts.
        per_anchor: triplets of an anchor.
        rules: what the paper leaves open.
        block: anchors at a time.
    """
    # Results have their places beforehand: small arrays that outlive a block would keep the heap from shrinking.
    triplets = np.empty((len(anchors) * per_anchor, 3), dtype=np.int64)
    flags = np.empty(len(triplets), dtype=np.int8)
    limits = np.empty(len(anchors), dtype=np.float64)
    known = 0
    for start in range(0, len(anchors), block):
        lists = search.query(anchors[start : start + block], length)
        part = select_triplets(lists, members, kappa, generator, per_anchor, rules)
        place = slice(start * per_anchor, start * per_anchor + len(part.triplets))
        triplets[place], flags[place] = part.triplets, part.flags
        limits[known : known + len(part.limits)] = part.limits
        known += len(part.limits)
    return Selection(triplets, flags, limits[:known])


def _fallback(
    lists: NeighbourLists,
    members: ClassMembers,
    same: np.ndarray,
    positives: np.ndarray,
    first: np.ndarray,
    positions: np.ndarray,
    generator: np.random.Generator,
    rules: SphereRules,
) -> np.ndarray:
    """Positives for the anchors at ``positions`` that have a negative and no listed positive behind it; -1 for none."""
    barred = same[positions]
    if rules.fallback_positive == "not-in-positives":
        barred = positives[positions].copy()
        barred[np.arange(len(positions)), first[positions]] = True
    copies = (lists.rows[positions] >= 0) & (lists.distances[positions] <= EQUAL)
    copies &= members.labels[lists.rows[positions]] == members.labels[lists.anchors[positions]][:, None]
    owners, columns = np.nonzero(barred | copies)
    drawn = members.random_members(lists.anchors[positions], lists.rows[positions][owners, columns], owners, generator)
    if rules.outside_empty == "farthest-positive":
        last = same.shape[1] - 1 - same[positions][:, ::-1].argmax(axis=1)
        drawn = np.where(drawn < 0, lists.rows[positions, last], drawn)
    return drawn
