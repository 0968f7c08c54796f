"""Batches of neighbouring classes."""

import numpy as np
import pytest

from hardmine.errors import UserError
from hardmine.methods.htl.margins import nearest_classes
from hardmine.methods.htl.sampler import NeighbourSampler

NEAREST = np.array([[1, 2, 3], [0, 2, 3], [1, 0, 3], [2, 1, 0]])


def sampler_of(labels=None, seeds=2, group=2, images=2, nearest=NEAREST, seed=0):
    labels = np.repeat(np.arange(4), 5) if labels is None else labels
    found = NeighbourSampler(labels, seeds, group, images, seed)
    found.nearest = nearest
    return found


def test_neighbours_are_ordered_by_distance():  # H6
    pairs = {(0, 1): 0.392725, (0, 2): 1.334042, (0, 3): 3.954654, (1, 2): 0.423236, (1, 3): 3.679823, (2, 3): 2.813487}
    distances = np.zeros((4, 4))
    for (one, other), value in pairs.items():
        distances[one, other] = distances[other, one] = value
    assert nearest_classes(distances).tolist() == NEAREST.tolist()


@pytest.mark.parametrize(
    ("seeds", "groups"), [([0, 3], [[0, 1], [3, 2]]), ([0, 2], [[0, 1], [2, 3]]), ([2, 0], [[2, 1], [0, 3]])]
)
def test_a_neighbour_that_is_taken_gives_way_to_the_next(seeds, groups):  # H6
    assert [group.tolist() for group in sampler_of().groups(np.array(seeds))] == groups


@pytest.mark.parametrize("kind", ["neighbours", "random", "balanced"])
def test_a_batch_has_its_classes_and_images(kind):
    labels = np.repeat(np.arange(20), 7)
    nearest = {"neighbours": nearest_classes(np.abs(np.subtract.outer(np.arange(20.0), np.arange(20)))), "random": None}
    found = sampler_of(labels, 3, 4, 3, nearest.get(kind))
    if kind == "random":
        found.nearest = np.empty((20, 0), dtype=np.int64)
    assert (found.batch_size, found.steps_per_epoch) == (36, 140 // 36)
    for _ in range(10):
        rows = found.next_batch()
        classes, counts = np.unique(labels[rows], return_counts=True)
        assert (len(classes), set(counts)) == (12, {3})
        assert len(np.unique(rows)) == 36


def test_neighbours_are_near_and_random_ones_are_not():
    labels = np.repeat(np.arange(40), 4)
    line = nearest_classes(np.abs(np.subtract.outer(np.arange(40.0), np.arange(40))))
    for nearest, near in ((line, True), (np.empty((40, 0), dtype=np.int64), False)):
        found = sampler_of(labels, 1, 5, 2, nearest)
        reaches = [np.ptp(labels[found.next_batch()]) for _ in range(30)]
        assert bool(max(reaches) <= 5) is near


def test_every_image_comes_once_before_any_comes_again():
    labels = np.repeat(np.arange(4), 6)
    found = sampler_of(labels, 2, 2, 2)
    seen = np.concatenate([found.next_batch() for _ in range(3)])
    assert np.array_equal(np.sort(seen), np.arange(24))


def test_small_classes_repeat_images_and_single_ones_stay_out():
    labels = np.repeat(np.arange(5), [1, 2, 3, 6, 6])
    nearest = nearest_classes(np.abs(np.subtract.outer(np.arange(5.0), np.arange(5))))
    found = sampler_of(labels, 2, 2, 4, nearest)
    for _ in range(20):
        rows = found.next_batch()
        assert 0 not in labels[rows]
        for label, size in zip(range(1, 5), (2, 3, 4, 4), strict=True):
            assert len(set(rows[labels[rows] == label])) == size
    found.nearest = None
    assert all(0 not in labels[found.next_batch()] for _ in range(20))


def test_fewer_classes_than_asked_for_are_all_taken_and_said_once(capsys):
    found = sampler_of(seeds=5, group=5)
    assert set(np.repeat(np.arange(4), 5)[found.next_batch()]) == {0, 1, 2, 3}
    assert found.batch_size == 8
    assert capsys.readouterr().out.count("htl: batches of 25 classes are cut to the 4") == 1


@pytest.mark.parametrize("labels", [np.zeros(5, dtype=int), np.arange(5), np.array([0, 0, 1, 2])])
def test_training_sets_without_a_triplet_are_refused(labels):
    with pytest.raises(UserError, match="at least 2 are needed"):
        sampler_of(labels)
