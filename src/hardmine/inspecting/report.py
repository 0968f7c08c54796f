"""All that is found in a source, before it is written."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from hardmine.datasets.spellings import two_spellings

from .around import Outlier, Overlap, Votes, outliers_of, overlaps_of, votes_of
from .files import FileProblem, problems_of
from .looking import Looked
from .near import Group, bound_of, groups_of, numbers_of_groups, surroundings_of
from .verdicts import Verdicts, judge

__all__ = ["Report", "inspect"]

_NAMED = 5


@dataclass(frozen=True)
class Report:
    """What is found.

    Attributes:
        looked: the images.
        names: of the classes, ascending.
        labels: int64 [N], class of each image, -1 for none.
        bound: cosine from which images count as near copies.
        groups: images that are one picture.
        verdicts: of classifiers on the labels.
        votes: of neighbours on the labels.
        overlaps: classes that find each other.
        outliers: images far from everything.
        problems: files that are hardly pictures.
        notes: what could not be done, in sentences.
    """

    looked: Looked
    names: list[str]
    labels: np.ndarray
    bound: float
    groups: list[Group]
    verdicts: Verdicts
    votes: Votes
    overlaps: list[Overlap]
    outliers: list[Outlier]
    problems: list[FileProblem]
    notes: list[str]

    def name_of(self, label: int) -> str:
        """The name of a class; empty for -1."""
        return self.names[label] if label >= 0 else ""

    @property
    def doubted(self) -> int:
        """Labels that another class beats."""
        return int((self.verdicts.probabilities < 0.5).sum())


def inspect(looked: Looked, near: float | None = None, folds: int = 5, threads: int = 1) -> Report:
    """Find what is wrong, or may be, with a set of labelled images.

    Args:
        looked: the images.
        near: cosine from which images count as near copies; by the data if None.
        folds: of the classifiers.
        threads: of the search for neighbours.
    """
    names = sorted(set(looked.classes) - {""})
    numbers = {name: number for number, name in enumerate(names)} | {"": -1}
    labels = np.array([numbers[name] for name in looked.classes], dtype=np.int64)
    around = surroundings_of(looked.vectors, threads)
    bound = bound_of(around) if near is None else near
    groups = groups_of(looked.vectors, looked.digests, looked.classes, looked.splits, around, bound)
    pictures = numbers_of_groups(len(labels), groups)
    verdicts = judge(looked.vectors, labels, pictures, folds)
    notes = _notes(looked, labels, len(verdicts.rows), len(around.copies))
    if groups and max(len(group.rows) for group in groups) > max(10, len(labels) // 4) and len(around.copies) > 1:
        notes.append(
            "One group of near copies holds more than a quarter of all images: the bound is too low for this model. "
            "Raise it with --near."
        )
    return Report(
        looked,
        names,
        labels,
        bound,
        groups,
        verdicts,
        votes_of(labels, around),
        overlaps_of(labels, around),
        outliers_of(around),
        problems_of(looked),
        notes,
    )


def _notes(looked: Looked, labels: np.ndarray, judged: int, distinct: int) -> list[str]:
    """What the images do not allow to say."""
    notes = []
    counts = Counter(labels[labels >= 0].tolist())
    single = sum(count == 1 for count in counts.values())
    without, unread = int((labels < 0).sum()), sum(facts is None for facts in looked.facts)
    if len(counts) < 2:
        notes.append(
            f"There {'is one class' if counts else 'are no labels'}: no label can be doubted, no class overlap."
        )
    elif len(labels) - without > judged:
        left = len(labels) - without - judged
        notes.append(
            f"Not judged: {left:,} label{'s' * (left != 1)} of classes that have no other picture; "
            f"{single:,} class{'es' * (single != 1)} with one image."
        )
    if spelt := two_spellings(set(looked.classes) - {""}):
        sizes = Counter(looked.classes)
        pairs = [" and ".join(f"{name!r} ({sizes[name]:,})" for name in names) for names in spelt[:_NAMED]]
        more = f"; and {len(spelt) - _NAMED:,} more" if len(spelt) > _NAMED else ""
        notes.append(
            f"Perhaps one class in two spellings, counted as two: {'; '.join(pairs)}{more}. 'hardmine mine', and a "
            "plan without dataset.spellings: apart, refuse them."
        )
    if without:
        notes.append(f"Without a label: {without:,} of {len(labels):,} images; they are compared, but do not judge.")
    if distinct == 1 and len(labels) > 1:
        notes.append("All images are the same picture, to this model at least: there are no neighbours to speak of.")
    if unread:
        notes.append(f"Files gone or changed since they were indexed: {unread:,}; their sizes are not known.")
    return notes
