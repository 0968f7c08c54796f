"""HDC's selection: counts, the modes on a worked example, and loops on losses with and without ties."""

import itertools

import oracles_hdc as oracle
import pytest
import torch

from hardmine.methods.hdc.selection import hardest, kept_count, select, select_pairs
from hardmine.mining.pairs import BatchPairs

torch.set_num_threads(1)
FIRST = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
LEVELS = [FIRST, FIRST[::-1], [0.5, 0.1, 0.9, 0.2, 0.3, 0.4, 0.8, 0.6, 0.05, 0.7]]
RATIOS = (1, 0.5, 0.2)


def chosen(losses, ratios, selection, base):
    hardness = [torch.tensor(level) for level in losses]
    everything = [torch.arange(len(level)) for level in losses]
    return [kept.tolist() for kept in select(hardness, everything, ratios, selection, base)]


def test_t5_standard_batches_have_the_printed_counts():
    pairs = BatchPairs.of(torch.arange(100) // 10)
    assert (len(pairs.positives), len(pairs.negatives)) == (450, 4500)
    distances = torch.rand(pairs.total, generator=torch.Generator().manual_seed(0)) + 0.1
    kept = select_pairs([distances] * 3, pairs, RATIOS)
    assert [(len(level.positives), len(level.negatives)) for level in kept] == [(450, 4500), (225, 2250), (90, 900)]


def test_t5_truncation_survives_floating_point():
    assert int(0.29 * 100) == 28
    assert kept_count(0.29, 100) == 29
    assert kept_count(0.299, 100) == 29
    assert all(
        kept_count(share / 100, pairs) == share * pairs // 100 for share in range(1, 101) for pairs in range(400)
    )


@pytest.mark.parametrize(
    ("selection", "base", "second", "third"),
    [
        ("own", "all", [5, 6, 7, 8, 9], [2, 6]),
        ("nested_own", "all", [5, 6, 7, 8, 9], [6, 9]),
        ("nested_prev", "all", [0, 1, 2, 3, 4], [3, 4]),
        ("nested_own", "previous", [5, 6, 7, 8, 9], [6]),
        ("nested_prev", "previous", [0, 1, 2, 3, 4], [4]),
    ],
)
def test_t8_the_modes_keep_the_worked_pairs(selection, base, second, third):
    assert chosen(LEVELS, RATIOS, selection, base) == [list(range(10)), second, third]


@pytest.mark.parametrize("selection", ["own", "nested_prev", "nested_own"])
@pytest.mark.parametrize("base", ["all", "previous"])
@pytest.mark.parametrize("values", [3, 1000])
def test_selection_is_that_of_sorting_by_loops_with_and_without_ties(selection, base, values):
    draws = torch.Generator().manual_seed(values)
    for ratios in ((1, 0.5, 0.2), (0.7, 0.7, 0.7), (0.29, 0.9, 0.05), (0.5, 0.01, 1)):
        losses = torch.randint(values, (3, 57), generator=draws).double().tolist()
        expected = oracle.select(losses, ratios, selection, base)
        assert [set(level) for level in chosen(losses, ratios, selection, base)] == expected


@pytest.mark.parametrize("selection", ["own", "nested_prev", "nested_own"])
def test_nested_levels_lie_within_the_level_above(selection):
    draws = torch.Generator().manual_seed(1)
    pairs = BatchPairs.of(torch.arange(40) // 4)
    distances = [torch.rand(pairs.total, generator=draws) * 4 for _ in range(3)]
    kept = select_pairs(distances, pairs, (0.8, 0.5, 0.2), selection)
    for above, below in itertools.pairwise(kept):
        inside = set(below.positives.tolist()) <= set(above.positives.tolist())
        inside &= set(below.negatives.tolist()) <= set(above.negatives.tolist())
        assert inside == (selection != "own")


def test_positives_are_far_pairs_and_negatives_near_ones():
    pairs = BatchPairs.of(torch.tensor([0, 0, 0, 1]))
    distances = torch.tensor([0.1, 3.0, 2.0, 0.2, 0.9, 1.7])  # (0,1) (0,2) (0,3) (1,2) (1,3) (2,3)
    kept = select_pairs([distances], pairs, [0.4])[0]
    assert kept.positives.tolist() == [1]
    assert kept.negatives.tolist() == [4]


def test_duplicates_are_neither_kept_nor_counted():
    pairs = BatchPairs.of(torch.zeros(5, dtype=torch.int64))
    distances = torch.tensor([0.0, 1e-13, 0.0, 0.0, 0.0, 0.0, 0.5, 0.6, 0.7, 0.8])
    assert select_pairs([distances], pairs, [0.5])[0].positives.tolist() == [8, 9]


def test_a_pair_that_is_a_duplicate_at_one_level_only_is_left_out_there():
    pairs = BatchPairs.of(torch.zeros(3, dtype=torch.int64))
    levels = [torch.tensor([1.0, 0.5, 0.7]), torch.tensor([0.0, 0.5, 0.7])]
    kept = select_pairs(levels, pairs, (1, 1), "nested_prev")
    assert [level.positives.tolist() for level in kept] == [[0, 1, 2], [1, 2]]


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [0], [0, 0]])
def test_batches_without_positives_or_negatives_keep_nothing_of_that_kind(labels):
    labels = torch.tensor(labels)
    pairs = BatchPairs.of(labels)
    kept = select_pairs([torch.full((pairs.total,), 0.5)] * 3, pairs, RATIOS, "nested_own")
    assert len(kept[0].positives) == len(pairs.positives)
    assert len(kept[0].negatives) == len(pairs.negatives)
    for level in kept[1:]:
        assert len(level.positives) <= len(pairs.positives) // 2
        assert len(level.negatives) <= len(pairs.negatives) // 2


def test_ties_go_to_the_lower_position():
    assert hardest(torch.tensor([1.0, 2.0, 2.0, 2.0, 0.0]), torch.tensor([0, 2, 3, 4]), 2).tolist() == [2, 3]


def test_selection_is_outside_the_graph():
    distances = torch.rand(6, requires_grad=True)
    kept = select_pairs([distances], BatchPairs.of(torch.tensor([0, 0, 1, 1])), [0.5])[0]
    assert not kept.positives.requires_grad
