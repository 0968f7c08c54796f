"""Which labels contradict what the other images say: classifiers that never saw the image they judge.

A fold's classifier is the nearest class mean under the shared covariance of its training images (linear discriminant
analysis with equal priors; the covariance shrunk as Ledoit and Wolf 2004). The score of an image is confident
learning's (Northcutt, Jiang and Chuang 2021): the probability of its own label against the best other one.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Verdicts", "folds_of", "judge"]

_NUMBERS = 2**24
"""Scores in memory at once."""
_STEEPEST = 1e3


@dataclass(frozen=True)
class Verdicts:
    """What folds say of J images, the most doubtful first.

    Attributes:
        rows: int64 [J], the images.
        others: int64 [J], the best other class of each.
        probabilities: float64 [J], of the own label where it and the best other are the choice; a doubt where below ½.
    """

    rows: np.ndarray
    others: np.ndarray
    probabilities: np.ndarray


def folds_of(labels: np.ndarray, groups: np.ndarray, folds: int, seed: int = 0) -> np.ndarray:
    """A fold for each image: the images of a group share one, those of a class are spread evenly otherwise.

    Args:
        labels: int64 [N], -1 for none.
        groups: int64 [N], equal for images that are one picture.
        folds: their number.
        seed: of the draw.

    Returns:
        int64 [N], from 0.
    """
    generator = np.random.default_rng(seed)
    _, first, which = np.unique(groups, return_index=True, return_inverse=True)
    shuffled = generator.permutation(len(first))
    order = shuffled[np.argsort(labels[first][shuffled], kind="stable")]
    fold = np.empty(len(first), np.int64)
    fold[order] = np.arange(len(first)) % folds
    return fold[which]


def judge(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: int = 5) -> Verdicts:
    """Judge every image whose class has images outside its fold, by a classifier fitted on the other folds.

    Args:
        vectors: float32 [N, D].
        labels: int64 [N], -1 for none: such images neither judge nor are judged.
        groups: int64 [N], equal for images that are one picture: they do not vouch for each other.
        folds: their number, 2 at least.
    """
    fold = folds_of(labels, groups, folds)
    known = labels >= 0
    rows, others, margins = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    for number in range(folds):
        train = np.flatnonzero(known & (fold != number))
        asked = np.flatnonzero(known & (fold == number))
        seen = np.unique(labels[train])
        asked = asked[np.isin(labels[asked], seen)]
        if len(seen) < 2 or not len(asked):
            continue
        best, margin = _margins(
            vectors[train], np.searchsorted(seen, labels[train]), vectors[asked], np.searchsorted(seen, labels[asked])
        )
        rows.append(asked)
        others.append(seen[best])
        margins.append(margin)
    row, other, margin = np.concatenate(rows), np.concatenate(others), np.concatenate(margins)
    order = np.lexsort((row, margin))
    return Verdicts(row[order], other[order], _calibrated(margin[order]))


def _margins(
    train: np.ndarray, labels: np.ndarray, asked: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The best other class of each asked image, and by how much the own one's log-likelihood is above it.

    Args:
        train: float32 [T, D].
        labels: int64 [T], with every number from 0 to C - 1.
        asked: float32 [A, D].
        own: int64 [A].
    """
    from sklearn.covariance import LedoitWolf

    centre = train.mean(axis=0, dtype=np.float64)
    train = train - centre
    means = np.zeros((labels.max() + 1, train.shape[1]))
    np.add.at(means, labels, train)
    means /= np.bincount(labels)[:, None]
    residuals = train - means[labels]
    covariance = LedoitWolf(assume_centered=True).fit(residuals).covariance_
    spread = np.trace(covariance) / len(covariance) or 1.0
    covariance[np.diag_indices_from(covariance)] += 1e-9 * spread
    weights = np.linalg.solve(covariance, means.T)
    offsets = 0.5 * np.einsum("cd,dc->c", means, weights)
    best, margin = np.empty(len(asked), np.int64), np.empty(len(asked))
    step = max(1, _NUMBERS // len(means))
    for start in range(0, len(asked), step):
        part = slice(start, start + step)
        scores = (asked[part] - centre) @ weights - offsets
        each = np.arange(len(scores))
        mine = scores[each, own[part]]
        scores[each, own[part]] = -np.inf
        best[part] = scores.argmax(axis=1)
        margin[part] = mine - scores[each, best[part]]
    return best, margin


def _calibrated(margins: np.ndarray) -> np.ndarray:
    """Margins as probabilities by a logistic function through ½ at 0, as steep as makes the labels most likely."""
    from scipy.optimize import minimize_scalar
    from scipy.special import expit

    if not len(margins):
        return margins
    unit = np.abs(margins).mean() or 1.0
    loss = minimize_scalar(
        lambda steep: np.logaddexp(0, -np.exp(steep) * margins / unit).mean(),
        bounds=(-np.log(_STEEPEST), np.log(_STEEPEST)),
        method="bounded",
    )
    return expit(np.exp(loss.x) * margins / unit)
