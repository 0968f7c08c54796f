import torch

from hardmine.mining import random_negatives


def test_every_ordered_pair_of_a_class_gets_one_negative() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    found = random_negatives(labels, torch.Generator().manual_seed(0))
    pairs = {(a, p) for a, p in zip(found.anchors.tolist(), found.positives.tolist(), strict=True)}
    assert pairs == {(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (3, 4), (4, 3)}
    assert len(found) == 8
    assert (labels[found.anchors] != labels[found.negatives]).all()


def test_negatives_are_drawn_uniformly() -> None:
    labels = torch.tensor([0, 0, 1, 2, 3])
    generator = torch.Generator().manual_seed(1)
    drawn = torch.cat([random_negatives(labels, generator).negatives for _ in range(3000)])
    shares = torch.bincount(drawn, minlength=5)[2:] / len(drawn)
    assert (shares - 1 / 3).abs().max() < 0.02


def test_one_class_only_gives_no_triplet() -> None:
    assert len(random_negatives(torch.zeros(4, dtype=torch.int64), torch.Generator())) == 0
