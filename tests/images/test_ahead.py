"""Batches read ahead are those that would be read anyway."""

import threading

import numpy as np
import pytest
import torch
from tiny import advance, build

from hardmine.images import ImageStore
from hardmine.images.ahead import ReadAhead
from hardmine.mining.samplers import BalancedSampler, ShuffledSampler
from hardmine.mining.tuple_samplers import PairSampler


class Watched(ImageStore):
    """A store that says which thread reads what."""

    def read(self, indices: np.ndarray) -> np.ndarray:
        self.seen.append((threading.current_thread().name, indices.tolist()))
        return super().read(indices)


@pytest.fixture
def store() -> Watched:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 2, 2, 1), dtype=np.uint8)
    found = Watched(pixels, np.arange(8), np.arange(8))
    object.__setattr__(found, "seen", [])
    return found


def test_announced_rows_are_read_once_and_in_the_thread(store: Watched) -> None:
    ahead = ReadAhead(store, pin=False)
    ahead.announce(np.array([3, 1]))
    assert torch.equal(ahead.read(np.array([5])), torch.from_numpy(store.pixels[[5]]))  # others do not end the wait
    assert torch.equal(ahead.read(np.array([3, 1])), torch.from_numpy(store.pixels[[3, 1]]))
    assert torch.equal(ahead.read(np.array([3, 1])), torch.from_numpy(store.pixels[[3, 1]]))
    threads = [(name.startswith("read-ahead"), rows) for name, rows in store.seen]
    assert sorted(threads) == [(False, [3, 1]), (False, [5]), (True, [3, 1])]


def test_what_fails_in_the_thread_is_told_where_it_is_asked_for(store: Watched) -> None:
    ahead = ReadAhead(store, pin=False)
    ahead.announce(np.array([9]))
    with pytest.raises(IndexError):
        ahead.read(np.array([9]))


@pytest.mark.parametrize(
    "sampler",
    [
        BalancedSampler(np.repeat(np.arange(6), 5), 3, 2, 0),
        ShuffledSampler(30, 7, 0),
        PairSampler(np.repeat(np.arange(6), 5), 4, True, 0),
        PairSampler(np.repeat(np.arange(6), 5), 4, False, 0),
    ],
)
def test_what_a_sampler_announces_comes_next(sampler: BalancedSampler) -> None:
    told = 0
    for _ in range(20):
        upcoming = sampler.upcoming()
        batch = sampler.next_batch()
        told += upcoming is not None
        assert upcoming is None or np.array_equal(upcoming, batch)
    assert told == 0 if getattr(sampler, "covering", True) is False else told > 10


@pytest.mark.parametrize("run", [{"method": "contrastive"}, {"method": "hdml", "batch_size": 16}])
def test_a_training_that_reads_ahead_ends_with_the_same_weights(run: dict) -> None:
    plain, ahead = build(run), build(run)
    ahead.images._ahead = ReadAhead(ahead.images.store, pin=False)
    taken = []
    read = ahead.images._ahead.read
    ahead.images._ahead.read = lambda rows: taken.append(ahead.images._ahead._announced) or read(rows)
    advance(plain, 6), advance(ahead, 6)
    for first, second in zip(plain.network.parameters(), ahead.network.parameters(), strict=True):
        assert torch.equal(first, second)
    assert sum(found is not None for found in taken) >= 3
