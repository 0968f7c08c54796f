import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardmine.errors import UserError
from hardmine.mining import BalancedSampler


def epoch(sampler: BalancedSampler) -> list[np.ndarray]:
    return [sampler.next_batch() for _ in range(sampler.steps_per_epoch)]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=25), st.integers(2, 5), st.integers(0, 99), st.data())
def test_every_image_is_shown_each_epoch_and_classes_in_a_batch_differ(sizes, per_class, seed, data) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    np.random.default_rng(seed).shuffle(labels)
    classes = data.draw(st.integers(1, len(sizes)))
    sampler = BalancedSampler(labels, classes, per_class, seed)
    for _ in range(2):
        batches = epoch(sampler)
        assert set(np.concatenate(batches)) == set(range(len(labels)))
        for batch in batches:
            groups = labels[batch].reshape(classes, per_class)
            assert (groups == groups[:, :1]).all()
            assert len(set(groups[:, 0])) == classes
            for group in batch.reshape(classes, per_class):
                assert len(set(group)) == min(per_class, sizes[labels[group[0]]])


def test_a_balanced_set_is_shown_exactly_once_each_epoch() -> None:
    sampler = BalancedSampler(np.repeat(np.arange(20), 8), 5, 4, 0)
    assert sampler.steps_per_epoch == 8
    assert sorted(np.concatenate(epoch(sampler))) == list(range(160))


def test_a_sampler_resumed_in_the_middle_of_an_epoch_goes_on_the_same() -> None:
    labels = np.random.default_rng(0).integers(0, 12, 150)
    sampler = BalancedSampler(labels, 4, 3, 7)
    for _ in range(sampler.steps_per_epoch + 5):
        sampler.next_batch()
    other = BalancedSampler(labels, 4, 3, 99)
    other.load_state_dict(sampler.state_dict())
    for _ in range(3 * sampler.steps_per_epoch):
        assert (sampler.next_batch() == other.next_batch()).all()


def test_more_classes_than_there_are_is_refused_with_both_numbers() -> None:
    with pytest.raises(UserError, match="5 classes are asked for in a batch, the training split has 3"):
        BalancedSampler(np.array([0, 0, 1, 1, 2, 2]), 5, 2, 0)
