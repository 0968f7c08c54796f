import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import distances, miners
from pytorch_metric_learning.utils.loss_and_miner_utils import get_all_triplets_indices
from torch import Tensor

from hardmine.mining import Triplets, triplet_selection
from hardmine.mining.triplet_selection import (
    all_triplets,
    batch_hard_triplets,
    distance_weighted_triplets,
    semi_hard_triplets,
)

MARGIN = 0.2
LABELS = {
    "four of each": torch.arange(16) // 4,
    "mixed up": torch.tensor([3, 0, 3, 1, 0, 3, 7, 7, 0, 5]),
    "one class": torch.zeros(5, dtype=torch.int64),
    "all different": torch.arange(6),
    "two classes": torch.tensor([0, 1, 1, 1, 0]),
    "one image": torch.tensor([4]),
    "none": torch.zeros(0, dtype=torch.int64),
}
SQUARED = distances.LpDistance(power=2)


def listed(triplets: Triplets) -> list[tuple[int, int, int]]:
    parts = (triplets.anchors, triplets.positives, triplets.negatives)
    assert all(part.dtype == torch.int64 for part in parts)
    return list(zip(*(part.tolist() for part in parts), strict=True))


def loops(labels: Tensor) -> list[tuple[int, int, int]]:
    images = range(len(labels))
    return [
        (anchor, positive, negative)
        for anchor in images
        for positive in images
        for negative in images
        if anchor != positive and labels[anchor] == labels[positive] and labels[anchor] != labels[negative]
    ]


def hard_loops(matrix: Tensor, labels: Tensor) -> list[tuple[int, int, int]]:
    found, everything = [], loops(labels)
    for anchor in range(len(labels)):
        triplets = [triplet for triplet in everything if triplet[0] == anchor]
        if triplets:
            positive = max({p for _, p, _ in triplets}, key=lambda p: (matrix[anchor, p], -p))
            negative = min({n for _, _, n in triplets}, key=lambda n: (matrix[anchor, n], n))
            found.append((anchor, positive, negative))
    return found


def embeddings_of(labels: Tensor, dimensions: int = 8, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(int(labels.max()) + 1 if len(labels) else 1, dimensions, generator=generator)
    points = centres[labels] + torch.randn(len(labels), dimensions, generator=generator)
    return torch.nn.functional.normalize(points, dim=1)


@pytest.fixture(params=[1, 2**19], ids=["row by row", "at once"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triplet_selection, "BLOCK", request.param)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("labels", LABELS.values(), ids=list(LABELS))
def test_selections_are_what_loops_find_in_the_same_order(labels: Tensor) -> None:
    points = embeddings_of(labels)
    matrix = torch.cdist(points, points).square()
    everything = loops(labels)
    assert listed(all_triplets(labels)) == everything
    gaps = {(a, p, n): float(matrix[a, n] - matrix[a, p]) for a, p, n in everything}
    expected = [triplet for triplet in everything if 0 < gaps[triplet] <= MARGIN]
    assert listed(semi_hard_triplets(matrix, labels, MARGIN)) == expected
    assert listed(batch_hard_triplets(matrix, labels)) == hard_loops(matrix, labels)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_ties_and_duplicates_are_decided_as_the_loops_do(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 9))
    labels = torch.tensor(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    values = data.draw(st.lists(st.sampled_from([0.0, 0.25, 0.375, 0.5]), min_size=size**2, max_size=size**2))
    matrix = torch.tensor(values).reshape(size, size)
    expected = [(a, p, n) for a, p, n in loops(labels) if 0 < matrix[a, n] - matrix[a, p] <= 0.125]
    assert listed(semi_hard_triplets(matrix, labels, 0.125)) == expected
    assert listed(batch_hard_triplets(matrix, labels)) == hard_loops(matrix, labels)


@pytest.mark.parametrize("size", [32, 100, 257])
@pytest.mark.parametrize("seed", [0, 1])
def test_triplets_and_their_order_are_those_of_the_library(size: int, seed: int) -> None:
    labels = torch.randperm(size, generator=torch.Generator().manual_seed(seed)) // 4
    points = embeddings_of(labels, 64, seed)
    points[1] = points[0]
    matrix = SQUARED(points)
    semi_hard = miners.TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard", distance=SQUARED)
    pairs = (
        (all_triplets(labels), get_all_triplets_indices(labels)),
        (semi_hard_triplets(matrix, labels, MARGIN), semi_hard(points, labels)),
        (batch_hard_triplets(matrix, labels), miners.BatchHardMiner(distance=SQUARED)(points, labels)),
    )
    for ours, theirs in pairs:
        assert len(ours)
        assert all(
            torch.equal(one, two)
            for one, two in zip((ours.anchors, ours.positives, ours.negatives), theirs, strict=True)
        )


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("labels", LABELS.values(), ids=list(LABELS))
def test_distance_weighted_triplets_are_triplets_as_many_an_anchor_as_its_class_has_images(labels: Tensor) -> None:
    points = embeddings_of(labels)
    found = distance_weighted_triplets(torch.cdist(points, points), labels, 8, torch.Generator(), farthest=1.99)
    assert set(listed(found)) <= set(loops(labels))
    anchors = [anchor for anchor, _, _ in listed(found)]
    expected = {anchor: int((labels == labels[anchor]).sum()) for anchor, _, _ in loops(labels)}
    assert {anchor: anchors.count(anchor) for anchor in anchors} == expected


def shares_of_negatives(matrix: Tensor, labels: Tensor, dimensions: int) -> Tensor:
    """Chances float64 [B, B] from the definition, entry by entry; rows without any are 0."""
    size = len(labels)
    chances = torch.zeros(size, size, dtype=torch.float64)
    for i in range(size):
        for j in range(size):
            d = max(float(matrix[i, j]), 0.5)
            if labels[i] != labels[j] and d < 1.4:
                density = (dimensions - 2) * math.log(d) + (dimensions - 3) / 2 * math.log(1 - d * d / 4)
                chances[i, j] = math.exp(-density)
    return chances / chances.sum(dim=1, keepdim=True).clamp(min=1e-300)


def test_distance_weighted_draws_follow_the_definition_and_the_library() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2, 3])
    generator = torch.Generator().manual_seed(0)
    points = torch.nn.functional.normalize(torch.randn(10, 6, generator=generator) + 0.6, dim=1)
    matrix = torch.cdist(points, points)
    expected = shares_of_negatives(matrix, labels, 6)
    torch.manual_seed(0)
    library = miners.DistanceWeightedMiner(cutoff=0.5, nonzero_loss_cutoff=1.4)
    sources = {
        "ours": lambda: distance_weighted_triplets(matrix, labels, 6, generator),
        "library": lambda: Triplets(*library(points, labels)),
    }
    for name, draw in sources.items():
        negatives, positives = torch.zeros(10, 10, dtype=torch.float64), torch.zeros(10, 10, dtype=torch.float64)
        for _ in range(1200):
            triplets = draw()
            ones = torch.ones(len(triplets), dtype=torch.float64)
            negatives.index_put_((triplets.anchors, triplets.negatives), ones, accumulate=True)
            positives.index_put_((triplets.anchors, triplets.positives), ones, accumulate=True)
        drawn = negatives.sum(dim=1) > 0
        assert drawn.tolist() == [True] * 9 + [False], name  # the last one has no positive
        assert (negatives / negatives.sum(dim=1, keepdim=True) - expected)[drawn].abs().max() < 0.04, name
        same = (labels[:, None] == labels) & ~torch.eye(10, dtype=torch.bool)
        uniform = same / same.sum(dim=1, keepdim=True)
        assert (positives / positives.sum(dim=1, keepdim=True) - uniform)[drawn].abs().max() < 0.04, name


def test_far_anchors_keep_their_triplets_where_the_librarys_weights_round_to_zero() -> None:
    points = torch.zeros(6, 512)
    points[torch.arange(6), torch.arange(6)] = 1.0
    points[:, 6] = 0.4
    points[2] = points[0]
    points = torch.nn.functional.normalize(points, dim=1)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    found = distance_weighted_triplets(torch.cdist(points, points), labels, 512, torch.Generator())
    assert set(found.anchors.tolist()) == set(range(6))
    kept = miners.DistanceWeightedMiner(cutoff=0.5, nonzero_loss_cutoff=1.4)(points, labels)[0]
    assert set(kept.tolist()) == {0, 2}


def test_no_negative_is_drawn_from_beyond_the_farthest_distance() -> None:
    points = torch.tensor([[1.0, 0.0], [0.9, 0.436], [-1.0, 0.0], [0.0, 1.0]])
    points = torch.nn.functional.normalize(points, dim=1)
    labels = torch.tensor([0, 0, 1, 2])
    found = distance_weighted_triplets(torch.cdist(points, points), labels, 8, torch.Generator())
    assert listed(found) == [(1, 0, 3), (1, 0, 3)]


def test_semi_hard_selection_at_1024_images_stays_far_below_a_cube_of_memory() -> None:
    script = (
        "import ctypes, torch; from pathlib import Path;"
        "from hardmine.mining.triplet_selection import semi_hard_triplets as select;"
        "torch.set_num_threads(1); labels = torch.arange(1024) // 4; matrix = torch.rand(1024, 1024);"
        "read = lambda name: int(Path('/proc/self/status').read_text().split(name)[1].split()[0]) / 1024;"
        "select(matrix[:64, :64], labels[:64], 0.01); before = read('VmHWM:');"
        "found = select(matrix, labels, 0.01); print(read('VmHWM:') - before, len(found))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert int(answer[1]) > 10_000
    assert float(answer[0]) < 60  # MiB; the matrix has 4, a cube of bytes 1024
