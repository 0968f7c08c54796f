"""A list of batches drawn once: its shape, its turn, resuming, and what it refuses."""

import numpy as np
import pytest

from hardmine.errors import UserError
from hardmine.methods.hdc.fixed_list import FixedList

LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(8), 6))


def take(batches, number):
    return [batches.next_batch().tolist() for _ in range(number)]


def test_batches_hold_distinct_images_of_distinct_classes():
    for batch in take(FixedList(LABELS, 4, 5, 20, seed=1), 20):
        groups = LABELS[batch].reshape(4, 5)
        assert (groups == groups[:, :1]).all()
        assert len(set(groups[:, 0])) == 4
        assert len(set(batch)) == 20


def test_after_the_last_batch_comes_the_first():
    batches = FixedList(LABELS, 3, 2, 7, seed=1)
    assert take(batches, 7) == take(batches, 7)


def test_the_seed_decides_the_list():
    assert take(FixedList(LABELS, 3, 2, 5, seed=1), 5) == take(FixedList(LABELS, 3, 2, 5, seed=1), 5)
    assert take(FixedList(LABELS, 3, 2, 5, seed=1), 5) != take(FixedList(LABELS, 3, 2, 5, seed=2), 5)


def test_a_small_class_repeats_its_images():
    batch = FixedList(np.array([0, 0, 1, 1, 1, 1]), 2, 4, 1, seed=0).next_batch()
    assert sorted(batch[np.isin(batch, [0, 1])].tolist()) == [0, 0, 1, 1]


def test_a_resumed_list_goes_on_where_it_was():
    straight = FixedList(LABELS, 3, 2, 5, seed=1)
    take(straight, 3)
    resumed = FixedList(LABELS, 3, 2, 5, seed=1)
    resumed.load_state_dict(straight.state_dict())
    assert take(resumed, 6) == take(straight, 6)


def test_the_position_in_another_list_is_refused():
    with pytest.raises(UserError, match="another list"):
        FixedList(LABELS, 3, 2, 5, seed=1).load_state_dict(FixedList(LABELS, 3, 2, 5, seed=2).state_dict())


def test_too_few_classes_are_refused():
    with pytest.raises(UserError, match="9 classes are asked for"):
        FixedList(LABELS, 9, 2, 5, seed=1)
