"""One mining: positives, candidates block by block, rules, and what came of every anchor."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hardmine.errors import UserError

from .candidates import nearest_others
from .equal import equal_groups
from .hard_classes import in_hard_classes
from .positives import choose_positives
from .rules import Rules
from .selection import REASONS, Guards, select

__all__ = ["KEPT", "ONLY_COPIES", "ONLY_IMAGE", "Mined", "Report", "mine"]

KEPT, ONLY_IMAGE, ONLY_COPIES, NO_NEGATIVE = -1, -2, -3, 0
"""What came of an anchor; from 0 on: no negative, the number is that of the reason in ``REASONS`` that took most."""

Report = Callable[[int, int], None]
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Mined:
    """Pairs of anchor and positive with their negatives, by ascending anchor.

    Attributes:
        anchors: int64 [R].
        positives: int64 [R].
        positive_scores: float32 [R], cosines.
        negatives: int64 [R, n], nearest first, -1 where there are fewer.
        negative_scores: float32 [R, n], cosines, NaN there.
        fates: int8 [N], of every image as an anchor: ``KEPT``, ``ONLY_IMAGE``, ``ONLY_COPIES``, or a reason's number.
        looked: candidates looked at, counted for each pair.
        refused: int64 [len(REASONS)], candidates not taken, by reason.
        copies: images with the vector of an earlier one.
    """

    anchors: np.ndarray
    positives: np.ndarray
    positive_scores: np.ndarray
    negatives: np.ndarray
    negative_scores: np.ndarray
    fates: np.ndarray
    looked: int
    refused: np.ndarray
    copies: int


def mine(
    vectors: np.ndarray,
    labels: np.ndarray,
    rules: Rules,
    threads: int = 1,
    report: Report = lambda done, total: None,
) -> Mined:
    """Mine positives and negatives of every image that has another of its class.

    Args:
        vectors: float32 [N, D], rows of length 1; may be memory-mapped.
        labels: int64 [N], 0..C-1, each of them there.
        rules: what is wanted.
        threads: blocks done at once.
        report: called after each block with the number of anchors done and of all.

    Raises:
        UserError: there is one class, no class has two images, all images are equal, the vectors are not of length 1,
            or no anchor is left with a negative.
    """
    _check(vectors, labels)
    groups = equal_groups(vectors)
    if not groups.any():
        raise UserError(
            f"all {len(labels)} images have one and the same vector: they are copies of one image, or the model tells "
            "nothing apart. Look at the images, or take another model."
        )
    positives = choose_positives(vectors, labels, groups, rules)
    anchors = np.flatnonzero(positives.rows[:, 0] >= 0)
    fates = np.full(len(labels), NO_NEGATIVE, dtype=np.int8)
    fates[positives.rows[:, 0] < 0] = ONLY_COPIES
    fates[np.bincount(labels)[labels] < 2] = ONLY_IMAGE
    if not len(anchors):
        raise UserError("every image's class holds only copies of it (equal vectors); there is no pair to mine from.")
    collected = _Collected(
        len(labels), rules, positives.squared, Guards.of(groups, labels), fates, report, len(anchors)
    )
    if rules.strategy == "classes":
        in_hard_classes(vectors, labels, anchors, rules.last, rules.classes, collected.take)
    else:
        nearest_others(vectors, labels, anchors, rules.last, collected.take, threads)
    return collected.mined(positives.rows, len(labels) - len(np.unique(groups)))


class _Collected:
    """Takes candidates of blocks of anchors, from several threads, and keeps the negatives."""

    def __init__(
        self,
        images: int,
        rules: Rules,
        positive_squared: np.ndarray,
        guards: Guards,
        fates: np.ndarray,
        report: Report,
        total: int,
    ) -> None:
        self._rules, self._squared, self._guards, self._fates = rules, positive_squared, guards, fates
        shape = (images, rules.positives, rules.negatives)
        self._rows = np.full(shape, -1, dtype=np.int32)
        self._scores = np.full(shape, np.nan, dtype=np.float32)
        self._refused, self._looked = np.zeros(len(REASONS), dtype=np.int64), 0
        self._report, self._done, self._total = report, 0, total
        self._lock = threading.Lock()

    def take(self, anchors: np.ndarray, rows: np.ndarray, squared: np.ndarray) -> None:
        """As ``Candidates``."""
        for turn in range(self._rules.positives):
            some = np.isfinite(self._squared[anchors, turn])
            own, near = anchors[some], self._squared[anchors[some], turn]
            found = select(own, rows[some], squared[some], near, self._guards, self._rules)
            self._rows[own, turn] = found.rows
            self._scores[own, turn] = np.where(found.rows >= 0, 1 - found.squared / 2, np.nan)
            kept = found.rows[:, 0] >= 0
            if turn == 0:
                self._fates[own] = found.main
            self._fates[own[kept]] = KEPT
            with self._lock:
                self._refused += found.refused
                self._looked += found.looked
        with self._lock:
            self._done += len(anchors)
            self._report(self._done, self._total)

    def mined(self, positives: np.ndarray, copies: int) -> Mined:
        """The pairs that have a negative.

        Raises:
            UserError: none has.
        """
        anchors, turns = np.nonzero(self._rows[:, :, 0] >= 0)
        if not len(anchors):
            most = list(REASONS.values())[int(self._refused[:-1].argmax())]
            raise UserError(
                f"no negative is left for any of {self._total} anchors. Of {self._looked} candidates "
                f"{int(self._refused[:-1].max())} are {most}; loosen that rule, or widen --ranks. Nothing was written."
            )
        return Mined(
            anchors,
            positives[anchors, turns],
            (1 - self._squared[anchors, turns] / 2).astype(np.float32),
            self._rows[anchors, turns].astype(np.int64),
            self._scores[anchors, turns],
            self._fates,
            self._looked,
            self._refused,
            copies,
        )


def _check(vectors: np.ndarray, labels: np.ndarray) -> None:
    sizes = np.bincount(labels)
    if len(sizes) < 2:
        raise UserError("all images are of one class; negatives are images of other classes, so two are needed.")
    if sizes.max() < 2:
        raise UserError(
            f"none of the {len(sizes)} classes has two images; an anchor needs a positive, another image of its class."
        )
    for start in range(0, len(vectors), 65_536):
        lengths = np.linalg.norm(vectors[start : start + 65_536], axis=1)
        if not (np.abs(lengths - 1) < _ROUNDING).all():
            raise UserError(
                "the index has vectors that are not of length 1: it is damaged. Run 'hardmine index' again."
            )
