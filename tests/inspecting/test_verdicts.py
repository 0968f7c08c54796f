import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from hardmine.inspecting import verdicts
from hardmine.inspecting.verdicts import folds_of, judge


def blobs(classes: int = 6, each: int = 15, spread: float = 0.35, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    rows = draw.normal(size=(classes, 8))[labels] + spread * draw.normal(size=(len(labels), 8))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels


def test_switched_labels_stand_first_with_the_right_suggestion() -> None:
    vectors, true = blobs()
    labels = true.copy()
    wrong = [3, 20, 47, 80]
    labels[wrong] = (labels[wrong] + 2) % 6
    found = judge(vectors, labels, np.arange(len(labels)))
    assert set(found.rows[:4].tolist()) == set(wrong)
    assert (found.others[:4] == true[found.rows[:4]]).all()
    assert (found.probabilities[:4] < 0.5).all()
    assert (np.diff(found.probabilities) >= 0).all()
    assert sorted(found.rows.tolist()) == list(range(len(labels)))


def test_scores_are_those_of_scikit_learns_discriminant_analysis() -> None:
    vectors, labels = blobs(spread=0.8)
    train, asked = np.arange(0, 90, 2), np.arange(1, 90, 2)
    best, margin = verdicts._margins(vectors[train], labels[train], vectors[asked], labels[asked])
    residuals = vectors[train].astype(float)
    residuals = residuals - np.stack([residuals[labels[train] == label].mean(axis=0) for label in labels[train]])
    shrunk = LedoitWolf(assume_centered=True).fit(residuals)

    class Shared:
        def fit(self, rows: np.ndarray) -> None:
            self.covariance_ = shrunk.covariance_

    model = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Shared(), priors=np.full(6, 1 / 6))
    scores = model.fit(vectors[train].astype(float), labels[train]).decision_function(vectors[asked].astype(float))
    own = scores[np.arange(45), labels[asked]].copy()
    scores[np.arange(45), labels[asked]] = -np.inf
    assert (best == scores.argmax(axis=1)).all()
    assert margin == pytest.approx(own - scores.max(axis=1), rel=1e-5, abs=1e-5)


def test_nothing_judges_an_image_it_or_its_copy_was_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = blobs()
    vectors = np.concatenate([vectors, vectors[:10]])
    labels = np.concatenate([labels, labels[:10]])
    groups = np.arange(len(labels))
    groups[90:] = groups[:10]
    met: list[tuple[set[bytes], set[bytes]]] = []
    fitted = verdicts._margins

    def watch(train: np.ndarray, own: np.ndarray, asked: np.ndarray, theirs: np.ndarray) -> tuple:
        met.append(({row.tobytes() for row in train}, {row.tobytes() for row in asked}))
        return fitted(train, own, asked, theirs)

    monkeypatch.setattr(verdicts, "_margins", watch)
    judge(vectors, labels, groups)
    assert len(met) == 5
    assert not any(train & asked for train, asked in met)


def test_a_copy_with_the_same_wrong_label_does_not_vouch() -> None:
    vectors, labels = blobs()
    vectors, labels = np.concatenate([vectors, vectors[:1]]), np.append(labels, 3)
    labels[0] = 3
    groups = np.append(np.arange(90), 0)
    assert set(judge(vectors, labels, groups).rows[:2].tolist()) == {0, 90}


def test_folds_spread_every_class_and_keep_groups_together() -> None:
    labels = np.repeat(np.arange(7), 10)
    groups = np.arange(70) // 2 * 2
    fold = folds_of(labels, groups, 5)
    assert (fold[::2] == fold[1::2]).all()
    for label in range(7):
        assert np.bincount(fold[labels == label], minlength=5).tolist() == [2] * 5


@pytest.mark.parametrize(
    ("labels", "judged"),
    [
        ([0, 0, 0, 0, 0, 0], 0),
        ([0, 1, 2, 3, 4, 5], 0),
        ([0, 0, 1, 1, 2, -1], 4),
        ([-1, -1, -1, -1, -1, -1], 0),
    ],
)
def test_who_has_nobody_to_be_judged_by_has_no_verdict(labels: list[int], judged: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    found = judge(vectors, np.array(labels), np.arange(6))
    assert len(found.rows) == len(found.others) == len(found.probabilities) == judged
    assert np.isfinite(found.probabilities).all()


def test_equal_vectors_give_finite_verdicts() -> None:
    found = judge(np.ones((20, 4), np.float32) / 2, np.arange(20) % 4, np.arange(20))
    assert found.probabilities == pytest.approx(0.5)


def test_thousands_of_classes_are_judged() -> None:
    vectors, labels = blobs(3000, 3, 0.02)
    found = judge(vectors, labels, np.arange(len(labels)))
    assert len(found.rows) == 9000
    assert (found.probabilities > 0.5).mean() > 0.5
