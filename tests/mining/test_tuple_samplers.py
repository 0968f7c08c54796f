"""Batches of pairs and triplets: their order, their classes, what an epoch shows, small data, and going on."""

import numpy as np
import pytest

from hardmine.errors import UserError
from hardmine.mining.tuple_samplers import PairSampler, TripletSampler

LABELS = np.repeat(np.arange(13), [2, 3, 4, 5, 6, 7, 8, 2, 3, 4, 5, 6, 7])


@pytest.mark.parametrize("covering", [True, False])
def test_pairs_are_anchors_then_positives_of_distinct_classes(covering):
    sampler = PairSampler(LABELS, 6, covering, 0)
    for _ in range(50):
        anchors, positives = sampler.next_batch().reshape(2, 6)
        assert (LABELS[anchors] == LABELS[positives]).all()
        assert (anchors != positives).all()
        assert len(set(LABELS[anchors])) == 6


@pytest.mark.parametrize("covering", [True, False])
def test_triplets_come_from_twice_as_many_classes_as_there_are_triplets(covering):
    sampler = TripletSampler(LABELS, 6, covering, 0)
    for _ in range(50):
        anchors, positives, negatives = sampler.next_batch().reshape(3, 6)
        assert (LABELS[anchors] == LABELS[positives]).all()
        assert (anchors != positives).all()
        assert len({*LABELS[anchors], *LABELS[negatives]}) == 12


@pytest.mark.parametrize(("kind", "shown"), [(PairSampler, slice(None)), (TripletSampler, slice(0, 12))])
def test_a_covering_epoch_shows_every_image_in_a_pair(kind, shown):
    sampler = kind(LABELS, 6, True, 0)
    for _ in range(2):
        epoch = np.concatenate([sampler.next_batch()[shown] for _ in range(sampler.steps_per_epoch)])
        assert set(epoch) == set(range(len(LABELS)))


def test_every_class_gives_negatives():
    sampler = TripletSampler(LABELS, 4, True, 1)
    negatives = np.concatenate([sampler.next_batch()[8:] for _ in range(300)])
    shares = np.bincount(LABELS[negatives], minlength=13) / len(negatives)
    assert shares.min() > 0.03
    assert len(set(negatives)) == len(LABELS)


def test_an_epoch_of_independent_batches_has_as_many_images_as_the_data():
    sampler = PairSampler(LABELS, 6, False, 0)
    assert sampler.steps_per_epoch == -(-len(LABELS) // 12)
    assert sampler.batch_size == 12
    assert TripletSampler(LABELS, 6, True, 0).batch_size == 18


@pytest.mark.parametrize("covering", [True, False])
def test_a_class_with_one_image_gives_it_twice(covering):
    labels = np.array([0, 1, 1, 2, 2, 2])
    batch = PairSampler(labels, 3, covering, 0).next_batch().reshape(2, 3)
    alone = batch[:, labels[batch[0]] == 0]
    assert alone.tolist() == [[0], [0]]


def test_too_few_classes_say_what_is_possible():
    with pytest.raises(
        UserError, match=r"batch_size: 28 images come from 14 distinct classes, .* has 13; use at most 26"
    ):
        PairSampler(LABELS, 14, True, 0)
    with pytest.raises(
        UserError, match=r"batch_size: 21 images come from 14 distinct classes, .* has 13; use at most 18"
    ):
        TripletSampler(LABELS, 7, True, 0)
    with pytest.raises(UserError, match="the training split has 1"):
        PairSampler(np.zeros(9, int), 2, True, 0)


@pytest.mark.parametrize("kind", [PairSampler, TripletSampler])
@pytest.mark.parametrize("covering", [True, False])
@pytest.mark.parametrize("steps", [0, 3, 9])
def test_a_sampler_goes_on_where_its_state_was_saved(kind, covering, steps):
    sampler = kind(LABELS, 5, covering, 0)
    for _ in range(steps):
        sampler.next_batch()
    again = kind(LABELS, 5, covering, 99)
    again.load_state_dict(sampler.state_dict())
    assert all((sampler.next_batch() == again.next_batch()).all() for _ in range(20))
