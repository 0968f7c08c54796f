from collections import Counter

import numpy as np
import pytest

from hardmine.inspecting.around import outliers_of, overlaps_of, votes_of
from hardmine.inspecting.near import surroundings_of


def drawn(seed: int, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(count, 3))
    rows[5] = rows[4]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), draw.integers(-1, 4, count)


def nearest(vectors: np.ndarray, row: int, count: int) -> list[int]:
    """The nearest images of other pictures, of equal pictures the first."""
    kept = [other for other in range(len(vectors)) if not (vectors[:other] == vectors[other]).all(axis=1).any()]
    kept = [other for other in kept if (vectors[other] != vectors[row]).any()]
    return sorted(kept, key=lambda other: (((vectors[other].astype(float) - vectors[row]) ** 2).sum(), other))[:count]


@pytest.mark.parametrize("seed", range(3))
def test_votes_are_those_of_a_loop(seed: int) -> None:
    vectors, labels = drawn(seed)
    labels[5] = labels[4]
    found = votes_of(labels, surroundings_of(vectors, 1))
    for row in range(40):
        votes = Counter(int(labels[other]) for other in nearest(vectors, row, 10) if labels[other] >= 0)
        total = max(votes.total(), 1)
        own = votes.pop(int(labels[row]), 0) if labels[row] >= 0 else 0
        assert found.own[row] == pytest.approx(own / total)
        assert found.share[row] == pytest.approx(max(votes.values(), default=0) / total)
        assert votes[int(found.others[row])] == max(votes.values(), default=0)


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_are_those_of_a_loop(seed: int) -> None:
    vectors, labels = drawn(seed)
    labels[5] = labels[4]
    seen = [row for row in range(40) if row != 5]
    sizes = Counter(int(labels[row]) for row in seen)
    counts = Counter((int(labels[row]), int(labels[other])) for row in seen for other in nearest(vectors, row, 10))
    found = overlaps_of(labels, surroundings_of(vectors, 1))
    expected = {
        (a, b): (counts[a, b] / sizes[a] / 10, counts[b, a] / sizes[b] / 10)
        for a in range(4)
        for b in range(a + 1, 4)
        if counts[a, b] and counts[b, a]
    }
    assert {(one.first, one.second): (one.there, one.back) for one in found} == {
        pair: pytest.approx(shares) for pair, shares in expected.items()
    }
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        assert [labels[row] for row in one.example] == [one.first, one.second]


def test_an_image_far_from_a_cloud_is_an_outlier_and_so_is_its_copy() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 8)) * 0.2 + 1
    rows[[7, 30]] = -1
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    found = outliers_of(surroundings_of(vectors, 1))
    assert {one.row for one in found[:2]} == {7, 30}
    assert found[0].deviations > 50
    assert len(found) < 6


def test_images_that_are_all_one_have_no_votes_overlaps_or_outliers() -> None:
    around = surroundings_of(np.full((5, 4), 0.5, np.float32), 1)
    labels = np.array([0, 1, 0, 1, -1])
    assert votes_of(labels, around).others.tolist() == [-1] * 5
    assert overlaps_of(labels, around) == []
    assert outliers_of(around) == []
