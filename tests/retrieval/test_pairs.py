"""Pairs and thresholds against explicit loops, and what happens at their edges."""

import numpy as np
import pytest
from oracles import false_non_match, inconsistency, pair_distances

from hardmine.retrieval.open_set import Threshold, choose_thresholds, measure_threshold, no_match
from hardmine.retrieval.pairs import FNMR, consistency, fnmr_at, pair_metrics, pairs_of, whole_classes

STEP = 1 / 2048


def crowd(classes: int, each: int, seed: int = 0, spread: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Vectors [N, 6] around the centres of their classes, in mixed order, and class numbers."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(classes), each))
    centres = rng.standard_normal((classes, 6))
    return (centres[labels] + spread * rng.standard_normal((len(labels), 6))).astype(np.float32), labels


@pytest.mark.parametrize(("classes", "each", "threads"), [(7, 5, 1), (40, 9, 2), (2, 3, 1), (30, 2, 1)])
def test_pairs_are_those_of_explicit_loops_whatever_the_threads(classes: int, each: int, threads: int) -> None:
    vectors, labels = crowd(classes, each)
    pairs = pairs_of(vectors, labels + 5, threads)
    same, other = pair_distances(vectors, labels)
    assert pairs.same.sum() == len(same)
    assert pairs.other.sum() == 2 * len(other)
    counts = np.bincount((np.array(same) / STEP).astype(int), minlength=pairs.same.shape[1])
    assert np.array_equal(pairs.same.sum(axis=0), counts)
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -np.inf)
    alike = labels[:, None] == labels
    np.testing.assert_allclose(pairs.own, np.where(alike, similar, -np.inf).max(axis=1))
    np.testing.assert_allclose(pairs.others.max(axis=1), np.where(alike, -np.inf, similar).max(axis=1))
    for rate in (0.3, 0.1, 0.01):
        assert fnmr_at(pairs, rate) == pytest.approx(false_non_match(same, other, rate, STEP), abs=1e-12)
    assert consistency(pairs) == pytest.approx(inconsistency(vectors, labels, STEP), abs=1e-12)


def test_images_of_another_group_of_classes_are_a_smaller_gallery() -> None:
    vectors, labels = crowd(8, 3)
    pairs = pairs_of(vectors, labels)
    assert pairs.others.shape == (24, 4)
    assert np.isfinite(pairs.others).all()
    assert (pairs.others[:, :2].max(axis=1) <= pairs.others.max(axis=1)).all()
    assert (pairs.others[:, :2].max(axis=1) < pairs.others.max(axis=1)).any()


def test_a_perfect_embedding_misses_nothing_and_treats_classes_alike() -> None:
    vectors, labels = np.eye(4, dtype=np.float32).repeat(3, axis=0), np.arange(4).repeat(3)
    assert pair_metrics(pairs_of(vectors, labels)) == dict.fromkeys([*FNMR, "opis"], 0.0)
    (one,) = choose_thresholds(pairs_of(vectors, labels), [0.5])
    assert one.value == pytest.approx(1e-6)
    assert measure_threshold(one.value, pairs_of(vectors, labels)).right == 1


def test_equal_embeddings_let_nothing_be_told_apart() -> None:
    pairs = pairs_of(np.ones((12, 3), np.float32), np.arange(4).repeat(3))
    assert pair_metrics(pairs)["fnmr@0.01"] == 1
    (one,) = choose_thresholds(pairs, [0.5])
    assert one.value > 1
    assert measure_threshold(one.among(10**6), pairs).no_match == 1


@pytest.mark.parametrize("labels", [[0] * 6, list(range(6))])
def test_without_pairs_of_two_classes_or_of_one_there_is_nothing_to_measure(labels: list[int]) -> None:
    vectors = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    pairs = pairs_of(vectors, np.array(labels))
    assert pair_metrics(pairs) == {}
    assert (choose_thresholds(pairs, [0.9]) == []) == (len(set(labels)) == 1)


def test_a_rate_that_so_few_searches_cannot_tell_has_no_threshold() -> None:
    pairs = pairs_of(*crowd(10, 8))
    assert [one.rate for one in choose_thresholds(pairs, [0.1, 0.0625, 0.06])] == [0.1, 0.0625]
    assert no_match(None, pairs, [0.1]) == []


def test_thresholds_let_as_much_through_as_wanted_where_they_were_chosen_and_the_interval_holds_them() -> None:
    pairs = pairs_of(*crowd(60, 10))
    for one in choose_thresholds(pairs, [0.1, 0.05, 0.01]):
        assert measure_threshold(one.value, pairs).false_match <= one.rate
        assert measure_threshold(one.value - 2e-6, pairs).false_match > one.rate
        assert one.low <= one.value <= one.high
        assert one.low < one.high


def test_among_classes_never_seen_the_false_match_rate_is_near_the_wanted_one_also_among_more_images() -> None:
    """Twenty times: chosen on 30 classes, measured on 240 others, which are eight times as many images."""
    corrected, plain = [], []
    for seed in range(20):
        vectors, labels = crowd(270, 6, seed)
        chosen_on, others = (pairs_of(vectors[kept], labels[kept]) for kept in (labels < 30, labels >= 30))
        (found,) = no_match(chosen_on, others, [0.1])
        assert found.test is not None
        corrected.append(found.test.false_match)
        plain.append(measure_threshold(found.value, others).false_match)
        assert found.test.images == 8 * found.images
    assert 0.05 < np.mean(corrected) < 0.15
    assert np.mean(plain) > 2 * np.mean(corrected)


def test_a_threshold_rises_with_the_images_and_is_itself_among_as_many_as_it_was_chosen_on() -> None:
    one = Threshold(rate=0.1, value=0.8, low=0.7, high=0.85, doubling=0.5, images=100)
    assert one.among(100) == pytest.approx(0.8)
    assert one.among(400) == pytest.approx(0.95)
    assert one.among(50) == pytest.approx(0.6)
    assert one.among(0) < one.among(1) + 1e-12


def test_large_splits_give_whole_classes_the_same_every_time() -> None:
    labels = np.random.default_rng(0).integers(0, 50, 1000)
    kept = whole_classes(labels, 300)
    assert 200 < len(kept) <= 300
    assert np.array_equal(kept, whole_classes(labels, 300))
    assert set(labels[np.setdiff1d(np.arange(1000), kept)]).isdisjoint(labels[kept])
    assert len(set(labels[whole_classes(labels, 2)])) == 2
    assert len(whole_classes(labels, 1000)) == 1000
