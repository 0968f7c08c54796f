"""Shuffled batches: every image once a round, positions that a checkpoint keeps."""

import numpy as np
import pytest

from hardmine.errors import UserError
from hardmine.mining import ShuffledSampler


def test_a_round_shows_every_image_once_also_where_batches_do_not_divide_it():
    sampler = ShuffledSampler(10, 4, seed=0)
    assert (sampler.steps_per_epoch, sampler.batch_size) == (3, 4)
    shown = np.concatenate([sampler.next_batch() for _ in range(5)])
    assert sorted(shown[:10]) == sorted(shown[10:]) == list(range(10))
    assert not np.array_equal(shown[:10], shown[10:])


def test_a_saved_position_goes_on_as_if_nothing_had_been():
    straight, resumed = ShuffledSampler(10, 4, seed=0), ShuffledSampler(10, 4, seed=5)
    for _ in range(2):
        straight.next_batch()
    resumed.load_state_dict(straight.state_dict())
    for _ in range(6):
        assert np.array_equal(straight.next_batch(), resumed.next_batch())


def test_a_batch_that_is_larger_than_the_training_set_is_refused():
    with pytest.raises(UserError, match="40 images are asked for in a batch, the training split has 10"):
        ShuffledSampler(10, 40, seed=0)
