"""Epochs of triplets: every anchor once, the mined share of every batch, counts of violations, resuming."""

import numpy as np
import pytest
import torch

from hardmine.methods.smart_mining.class_members import ClassMembers
from hardmine.methods.smart_mining.spheres import MINED, RANDOM, SKIPPED, Selection
from hardmine.methods.smart_mining.triplet_epochs import TripletEpochs
from hardmine.methods.smart_mining.violations import Violations
from hardmine.training.checkpoint import _plain

LABELS = np.array([0] * 5 + [1] * 7 + [2] + [3] * 9)


def epochs(batch=4, share=0.75, anchors=0, per_anchor=1, seed=0):
    return TripletEpochs(ClassMembers(LABELS), batch, share, anchors, per_anchor, seed)


def marked(anchors, per_anchor=1, flag=MINED):
    """A selection whose triplets can be told from random ones: the negative is the class of one image."""
    own = np.repeat(anchors, per_anchor)
    triplets = np.stack([own, own, np.full(len(own), 12)], axis=1)
    return Selection(triplets, np.full(len(own), flag, dtype=np.int8), np.empty(0))


def batches(sampler, count):
    return np.stack([sampler.next_batch().reshape(3, -1) for _ in range(count)])


def test_an_epoch_of_all_anchors_has_each_once_and_none_of_a_class_of_one():
    sampler = epochs(batch=3)
    assert (sampler.steps_per_epoch, sampler.batch_size) == (7, 9)
    seen = batches(sampler, 7)[:, 0].ravel()
    assert sorted(seen) == [row for row in range(22) if row != 12]


def test_short_epochs_go_through_all_anchors_before_they_come_again():
    sampler = epochs(batch=4, anchors=8)
    assert sampler.steps_per_epoch == 2
    seen = np.concatenate([sampler.deal() for _ in range(21)])
    assert (np.bincount(seen, minlength=22)[np.arange(22) != 12] == 8).all()
    for epoch in seen.reshape(21, 8):
        assert len(set(epoch)) == 8


def test_random_triplets_are_triplets():
    for anchors, positives, negatives in batches(epochs(), 50):
        assert (LABELS[anchors] == LABELS[positives]).all()
        assert (LABELS[anchors] != LABELS[negatives]).all()
        assert (anchors != positives).all()


@pytest.mark.parametrize(("share", "mined"), [(0.75, 3), (0.5, 2), (0.0, 0), (1.0, 4)])
def test_every_batch_has_its_mined_share(share, mined):
    sampler = epochs(share=share)
    anchors = sampler.deal()
    sampler.plan(anchors, marked(anchors))
    for _ in range(sampler.steps_per_epoch):
        own, positives, _ = sampler.next_batch().reshape(3, -1)
        assert (sampler.flags == MINED).sum() == mined
        assert ((own == positives) == (sampler.flags == MINED)).all()
    assert len(sampler.mined_triplets) == mined * sampler.steps_per_epoch


def test_mined_triplets_are_not_always_in_the_same_places():
    sampler = epochs(batch=4, share=0.5)
    anchors = sampler.deal()
    sampler.plan(anchors, marked(anchors))
    places = []
    for _ in range(sampler.steps_per_epoch):
        sampler.next_batch()
        places.append(sampler.flags == MINED)
    assert 0 < np.mean(places, axis=0).min() < np.mean(places, axis=0).max() < 1


def test_several_triplets_of_an_anchor_all_come():
    sampler = epochs(batch=6, share=1.0, per_anchor=2)
    anchors = sampler.deal()
    selection = marked(anchors, 2)
    selection.triplets[1::2, 2] = 0
    sampler.plan(anchors, selection)
    own, _, negatives = np.concatenate(batches(sampler, sampler.steps_per_epoch), axis=1)
    assert len(set(zip(own.tolist(), negatives.tolist(), strict=True))) == 42


def test_skipped_triplets_give_way_to_other_mined_ones():
    sampler = epochs(share=1.0)
    anchors = sampler.deal()
    selection = marked(anchors)
    selection.flags[: len(anchors) // 2] = SKIPPED
    sampler.plan(anchors, selection)
    seen = batches(sampler, sampler.steps_per_epoch)[:, 0].ravel()
    assert set(seen) <= set(anchors[len(anchors) // 2 :])


def test_an_epoch_with_all_skipped_is_random():
    sampler = epochs(share=1.0)
    anchors = sampler.deal()
    sampler.plan(anchors, marked(anchors, flag=SKIPPED))
    sampler.next_batch()
    assert (sampler.flags == RANDOM).all()


def test_fewer_anchors_than_a_batch_repeat():
    sampler = epochs(batch=50)
    assert sampler.steps_per_epoch == 1
    assert sampler.next_batch().shape == (150,)


def test_violations_are_counted_by_how_triplets_came_about():
    counts = Violations()
    counts.start(4.0)
    assert counts.share("all") is None
    counts.add(np.array([True, True, False, False]), np.array([0, 1, 2, 2], dtype=np.int8))
    counts.add(np.array([False, False]), np.array([0, 2], dtype=np.int8))
    assert counts.share("all") == pytest.approx(2 / 6)
    assert counts.share("mined") == 0.5
    assert counts.share("random") == 0.0
    again = Violations()
    again.load_state_dict(counts.state_dict())
    assert (again.share("all"), again.kappa) == (counts.share("all"), 4.0)


def test_stopped_mid_epoch_the_remaining_triplets_are_the_same(tmp_path):
    sampler = epochs()
    anchors = sampler.deal()
    sampler.plan(anchors, marked(anchors))
    batches(sampler, 2)
    torch.save(_plain(sampler.state_dict()), tmp_path / "state.pt")
    rest = batches(sampler, 7)
    other = epochs(seed=9)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert (batches(other, 7) == rest).all()
