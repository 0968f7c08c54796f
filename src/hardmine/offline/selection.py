"""From candidates to negatives: the rules one after another, each with a count of what it refused, then the choice."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hardmine.retrieval.equal import EQUAL

from .equal import priorities
from .rules import Rules

__all__ = ["REASONS", "Guards", "Selected", "select"]

REASONS = {
    "rank": "nearer than the first of --ranks",
    "copy": "equal to the anchor or to an image of its class: mislabelled, or in two classes",
    "duplicate": "near-duplicate of the anchor by --duplicate-score",
    "max-score": "above --max-score",
    "min-score": "below --min-score",
    "margin": "not below the positive's score by --margin",
    "relative-margin": "not below the positive's score by --relative-margin",
    "sphere": "inside the sphere of --kappa",
    "again": "equal to a nearer candidate",
    "left": "good, but more than --negatives",
}
"""Why a candidate is not taken, in the order of the rules."""


@dataclass(frozen=True)
class Guards:
    """What is known of equal images.

    Attributes:
        groups: int64 [N], see ``equal_groups``.
        labels: int64 [N], 0..C-1.
        pairs: int64, ascending, ``group · C + label`` of all images.
    """

    groups: np.ndarray
    labels: np.ndarray
    pairs: np.ndarray

    @classmethod
    def of(cls, groups: np.ndarray, labels: np.ndarray) -> "Guards":
        """The guards of N images."""
        return cls(groups, labels, np.unique(groups * (labels.max() + 1) + labels))

    def in_class(self, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Whether an image equal to a row's has the given label; bool, arguments broadcast."""
        wanted = self.groups[rows] * (self.labels.max() + 1) + labels
        place = np.minimum(np.searchsorted(self.pairs, wanted), len(self.pairs) - 1)
        return self.pairs[place] == wanted


@dataclass(frozen=True)
class Selected:
    """Negatives of b pairs.

    Attributes:
        rows: int64 [b, n], -1 where there are fewer.
        squared: float64 [b, n], squared distances from the anchor, infinite there.
        looked: candidates looked at.
        refused: int64 [len(REASONS)], candidates not taken, by reason.
        main: int64 [b], the reason that refused most candidates of the pair.
    """

    rows: np.ndarray
    squared: np.ndarray
    looked: int
    refused: np.ndarray
    main: np.ndarray


def select(
    anchors: np.ndarray,
    rows: np.ndarray,
    squared: np.ndarray,
    positive_squared: np.ndarray,
    guards: Guards,
    rules: Rules,
) -> Selected:
    """Apply the rules to the candidates of b pairs of anchor and positive.

    Args:
        anchors: int64 [b].
        rows: int64 [b, K], candidates by ascending distance, -1 behind a short list.
        squared: float64 [b, K], squared distances from the anchor.
        positive_squared: float64 [b], of the positive.
        guards: of the images.
        rules: all of them.
    """
    open_now = rows >= 0
    looked = int(open_now.sum())
    each = np.zeros((len(REASONS), len(rows)), dtype=np.int64)
    for number, bad in _refusals(anchors, rows, squared, positive_squared, guards, rules):
        each[number] = (open_now & bad).sum(axis=1)
        open_now &= ~bad
    again = list(REASONS).index("again")
    repeated = _repeated(np.where(open_now, guards.groups[rows], -1))
    each[again] = (open_now & repeated).sum(axis=1)
    open_now &= ~repeated
    places = _picked(anchors, rows, open_now, rules)
    taken = places >= 0
    each[-1] = open_now.sum(axis=1) - taken.sum(axis=1)
    return Selected(
        np.where(taken, np.take_along_axis(rows, places, axis=1), -1),
        np.where(taken, np.take_along_axis(squared, places, axis=1), np.inf),
        looked,
        each.sum(axis=1),
        each[:-1].argmax(axis=0),
    )


def _refusals(
    anchors: np.ndarray,
    rows: np.ndarray,
    squared: np.ndarray,
    positive_squared: np.ndarray,
    guards: Guards,
    rules: Rules,
) -> Iterator[tuple[int, np.ndarray]]:
    """Place of each rule in ``REASONS`` and the candidates that it refuses, bool [b, K]."""
    scores, positive = 1 - squared / 2, 1 - positive_squared[:, None] / 2
    yield 0, np.broadcast_to(np.arange(rows.shape[1]) < rules.first - 1, rows.shape)
    yield 1, (squared <= EQUAL) | guards.in_class(rows, guards.labels[anchors][:, None])
    if rules.duplicate_score is not None:
        yield 2, scores >= rules.duplicate_score
    if rules.max_score is not None:
        yield 3, scores > rules.max_score
    if rules.min_score is not None:
        yield 4, scores < rules.min_score
    if rules.margin is not None:
        yield 5, scores >= positive - rules.margin
    if rules.relative_margin is not None:
        yield 6, scores >= positive - rules.relative_margin * np.abs(positive)
    if rules.strategy == "spheres":
        yield 7, squared < np.maximum(1, rules.kappa) * positive_squared[:, None]


def _repeated(groups: np.ndarray) -> np.ndarray:
    """Whether a group stands further left in the row; -1 is none. int64 [b, K] to bool [b, K]."""
    order = np.argsort(groups, axis=1, kind="stable")
    ordered = np.take_along_axis(groups, order, axis=1)
    repeated = np.zeros(groups.shape, dtype=bool)
    np.put_along_axis(repeated, order[:, 1:], (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0), axis=1)
    return repeated


def _picked(anchors: np.ndarray, rows: np.ndarray, good: np.ndarray, rules: Rules) -> np.ndarray:
    """Places int64 [b, n] of the negatives among the good candidates, nearest first, -1 where there are fewer."""
    count = rules.negatives
    if rules.pick == "random":
        keys = priorities(rules.seed, anchors[:, None], rows)
        order = np.argsort(np.where(good, keys, np.iinfo(np.uint64).max), axis=1, kind="stable")[:, :count]
        chosen = np.zeros_like(good)
        np.put_along_axis(chosen, order, True, axis=1)
        good = good & chosen
    rank = good.cumsum(axis=1)
    places = np.full((len(rows), count), -1, dtype=np.int64)
    owners, columns = np.nonzero(good & (rank <= count))
    places[owners, rank[owners, columns] - 1] = columns
    return places
