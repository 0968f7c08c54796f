"""Which meta-class each class is merged into, for each network."""

import warnings
from collections.abc import Sequence

import numpy as np

__all__ = ["merged_share", "merging_of", "similar_merging", "written_out"]


def written_out(permutations: Sequence[Sequence[int] | np.ndarray], classes: int) -> np.ndarray:
    """Permutations of the meta-classes, one after another, cut to as many entries as there are classes; int64 [C]."""
    return np.concatenate([np.asarray(own, dtype=np.int64) for own in permutations])[:classes]


def merging_of(kind: str, classes: int, meta_classes: int, learners: int, seed: int) -> np.ndarray:
    """The meta-class of every class for every network: the ID matrix, int64 [C, L], drawn once before training.

    ``random`` (the authors' code): ⌈C/D⌉ permutations of 0..D-1, written out, shuffled; sizes differ by one at most.
    ``same``: the first such column for all networks. ``independent`` (third-party): each class draws alone.

    Args:
        kind: one of these.
        classes: C.
        meta_classes: D.
        learners: L.
        seed: of the draws; the first columns do not depend on L.
    """
    columns = []
    for learner in range(learners):
        draws = np.random.default_rng([seed, 0 if kind == "same" else learner])
        if kind == "independent":
            columns.append(draws.integers(0, meta_classes, classes))
            continue
        permutations = [draws.permutation(meta_classes) for _ in range(-(-classes // meta_classes))]
        columns.append(draws.permutation(written_out(permutations, classes)))
    return np.stack(columns, axis=1).astype(np.int64)


def similar_merging(means: Sequence[np.ndarray], meta_classes: int) -> np.ndarray:
    """Classes merged by k-means of their mean features, int64 [C, L]; meta-classes differ in size.

    Args:
        means: float32 [C, features], one a learner; each learner's k-means starts from a seed of its own.
        meta_classes: D.
    """
    from sklearn.cluster import KMeans  # slow to import
    from sklearn.exceptions import ConvergenceWarning

    columns = []
    for seed, own in enumerate(means):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different means than meta-classes
            columns.append(KMeans(meta_classes, n_init=1, random_state=seed, max_iter=100).fit_predict(own))
    return np.stack(columns, axis=1).astype(np.int64)


def merged_share(column: np.ndarray) -> float:
    """p: share of the pairs of classes that a network cannot tell apart, sum over sizes of s(s-1) / (C(C-1))."""
    sizes = np.bincount(column)
    return float((sizes * (sizes - 1)).sum() / max(1, len(column) * (len(column) - 1)))
