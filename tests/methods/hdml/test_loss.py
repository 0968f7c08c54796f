"""HDML's losses: worked numbers by the page, and the loop versions."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from oracles_hdml import npair, triplets

from hardmine.methods.hdml.loss import decay_loss, reconstruction_loss, synthetic_cross_entropy
from hardmine.methods.hdml.pulling import pull, pull_npair
from hardmine.methods.tuple_losses import npair_loss, triplet_sum
from hardmine.retrieval.clustering import clustering_metrics

R = 0.003


def tensor(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def batch():
    """Four pairs in three dimensions."""
    k = torch.arange(12, dtype=torch.float64).reshape(4, 3)
    anchors = torch.sin(k + 1)
    positives = anchors + 0.3 * torch.cos(2 * k)
    return anchors.requires_grad_(), positives.requires_grad_()


def close(found, expected):
    assert torch.allclose(torch.as_tensor(found), torch.tensor(expected, dtype=torch.float64), atol=1.1e-6, rtol=0)


def test_npair_on_the_fixed_batch(batch):
    anchors, positives = batch
    close((anchors - positives).norm(dim=1), (0.379524, 0.385023, 0.385111, 0.379766))
    entropy, total = npair_loss(anchors, positives, 0.0), npair_loss(anchors, positives, R)
    close(entropy, 0.715546)
    close(total - entropy, 0.002477)
    close(total, 0.718023)


def test_the_librarys_npair_loss_is_the_cross_entropy_without_normalisation(batch):
    from pytorch_metric_learning import distances, losses

    labels = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])
    pairs = (torch.arange(4), torch.arange(4, 8), *(torch.tensor([], dtype=torch.int64) for _ in range(2)))
    plain = losses.NPairsLoss(distance=distances.DotProductSimilarity(normalize_embeddings=False))
    close(plain(torch.cat(batch), labels, pairs).detach(), 0.715546)
    close(losses.NPairsLoss()(torch.cat(batch), labels, pairs).detach(), 0.825787)


def test_factors_of_the_pulled_batch(batch):
    expected = [
        (1, 0.367949, 1, 0.370730),
        (0.361617, 1, 0.359936, 0.664282),
        (0.660578, 0.366708, 1, 0.367423),
        (0.363866, 1, 0.360248, 1),
    ]
    close(pull_npair(*batch, 0.25).factors, expected)


@pytest.mark.parametrize(("hardness", "total"), [(0.0, 1.175684), (0.25, 0.968805), (0.5, 0.839100), (1.0, 0.718023)])
def test_pulled_npair_on_the_fixed_batch(batch, hardness, total):
    close(npair_loss(batch[0], pull_npair(*batch, hardness).points, R), total)


@pytest.mark.parametrize(("hardness", "norms"), [(0.25, (0.093023, 0.263433)), (0.0, (0.260708, 0.366607))])
def test_gradient_norms_of_pulled_npair_tell_that_nothing_is_detached(batch, hardness, norms):
    found = torch.autograd.grad(npair_loss(batch[0], pull_npair(*batch, hardness).points, R), batch)
    close(torch.stack([gradient.norm() for gradient in found]), norms)


def test_gradient_norm_with_constant_candidates_is_another(batch):
    value = npair_loss(batch[0], pull_npair(*batch, 0.25).points.detach(), R)
    close(torch.autograd.grad(value, batch[0])[0].norm(), 0.132856)


def test_small_npair_without_pulling():
    anchors, positives = tensor([[2, 0], [0, 2.0]]), tensor([[2, 1], [1, 2.0]])
    entropy, total = npair_loss(anchors, positives, 0.0), npair_loss(anchors, positives, R)
    close(entropy, 0.126928)
    close(total - entropy, 0.006750)
    close(total, 0.133678)
    close(torch.autograd.grad(total, anchors)[0], [[-0.058101, 0.059601], [0.059601, -0.058101]])


def test_small_npair_pulled_half_way():
    anchors, positives = tensor([[2, 0], [0, 2.0]]), tensor([[2, 1], [1, 2.0]])
    points = pull_npair(anchors, positives, 0.5).points
    close(points[0, 1], (1.276393, 1.447214))
    close(points[1, 0], (1.447214, 1.276393))
    total = npair_loss(anchors, points, R)
    close(total, 0.217524)
    to_anchors, to_positives = torch.autograd.grad(total, (anchors, positives))
    close(to_anchors, [[-0.006143, 0.068199], [0.068199, -0.006143]])
    close(to_positives, [[-0.172310, 0.087583], [0.087583, -0.172310]])


def test_small_npair_pulled_all_the_way():
    anchors, positives = tensor([[2, 0], [0, 2.0]]), tensor([[2, 1], [1, 2.0]])
    close(npair_loss(anchors, pull_npair(anchors, positives, 0.0).points, R), 0.348847)


def test_pulling_raises_a_score_exactly_where_the_anchor_is_longer_than_its_score():
    draws = torch.Generator().manual_seed(2)
    anchors = torch.randn(40, 2, generator=draws, dtype=torch.float64)
    positives = anchors + 0.1 * torch.randn(40, 2, generator=draws, dtype=torch.float64)
    moved = pull_npair(anchors, positives, 0.4)
    before = anchors @ positives.T
    after = torch.einsum("id,ijd->ij", anchors, moved.points)
    pulled = moved.factors < 1
    raised = (anchors.pow(2).sum(1, keepdim=True) > before).expand(40, 40)
    assert raised[pulled].any()
    assert (~raised[pulled]).any()
    assert torch.equal((after > before)[pulled], raised[pulled])


TRIPLETS = ([[0, 0], [1, 1.0]], [[1, 0], [1, 2.0]], [[0, 1], [4, 1.0]])


def test_triplets_without_pulling_sum_to_one():
    close(triplet_sum(*(tensor(part) for part in TRIPLETS), 1.0), 1.0)


def test_the_librarys_triplet_loss_is_the_same_sum():
    from pytorch_metric_learning import distances, losses, reducers

    squared = distances.LpDistance(power=2, normalize_embeddings=False)
    loss = losses.TripletMarginLoss(margin=1, distance=squared, reducer=reducers.SumReducer())
    places = torch.arange(2)
    points = torch.cat([torch.tensor(part) for part in TRIPLETS])
    assert float(loss(points, torch.tensor([0, 1, 0, 1, 2, 3]), (places, places + 2, places + 4))) == pytest.approx(1.0)


def test_pulled_triplets_with_their_gradients():
    anchors, positives, negatives = (tensor(part) for part in TRIPLETS)
    moved = pull(anchors, positives, negatives, 0.1)
    close(moved.points, [[0, 1], [2.2, 1]])
    total = triplet_sum(anchors, positives, moved.points, 1.0)
    close(total, 1.56)
    found = torch.autograd.grad(total, (anchors, positives, negatives))
    for gradient, expected in zip(found, ((0.24, 0.16), (0, -0.16), (-0.24, 0)), strict=True):
        close(gradient[1], expected)


@pytest.mark.parametrize(("hardness", "total"), [(0.0, 2.0), (0.25, 1.0), (0.5, 1.0)])
def test_pulled_triplets_at_other_lambdas(hardness, total):
    anchors, positives, negatives = (tensor(part) for part in TRIPLETS)
    close(triplet_sum(anchors, positives, pull(anchors, positives, negatives, hardness).points, 1.0), total)


def test_the_triplet_sum_never_falls_as_lambda_falls():
    draws = torch.Generator().manual_seed(4)
    anchors, positives, negatives = torch.randn(3, 40, 5, generator=draws, dtype=torch.float64)
    sums = [
        float(triplet_sum(anchors, positives, pull(anchors, positives, negatives, hardness).points, 1.0))
        for hardness in np.linspace(1, 0, 21)
    ]
    assert all(later >= sooner - 1e-9 for sooner, later in pairwise(sums))
    assert sums[-1] > sums[0]


def test_the_whole_objective_weighs_real_and_pulled_pairs(batch):
    weight = math.exp(-1)
    assert weight == pytest.approx(0.367879, abs=1e-6)
    total = weight * npair_loss(*batch, R) + (1 - weight) * npair_loss(batch[0], pull_npair(*batch, 0.25).points, R)
    close(total, 0.876548)


def test_the_generators_loss_of_a_triplet_batch():
    features, rebuilt = tensor([[1, 2], [0, 1.0]]), tensor([[0.5, 2], [0, 0.0]])
    reconstruction = 0.5 * reconstruction_loss(features, rebuilt, "sum")
    close(reconstruction, 0.625)
    labels = torch.tensor([0, 1])
    entropy = synthetic_cross_entropy(None, tensor([[2, 0], [0, 1.0]]), labels, labels)
    close(entropy, 0.220095)
    assert float((reconstruction + 0.5 * 1e4 * entropy).detach()) == pytest.approx(1101.099247, abs=1e-6)


def test_the_mean_reconstruction_divides_by_batch_and_dimensions():
    features, rebuilt = tensor([[1, 2], [0, 1.0]]), tensor([[0.5, 2], [0, 0.0]])
    close(reconstruction_loss(features, rebuilt, "mean"), 1.25 / 4)


def test_npairs_classification_loss_at_chance_counts_candidates_and_anchors():
    n, labels = 4, torch.tensor([5, 9, 0, 98])
    flat = torch.zeros(n * n, 99, dtype=torch.float64)
    entropy = synthetic_cross_entropy(flat[:n], flat, labels, labels.repeat(n))
    assert float(0.5 * 1e4 * entropy) == pytest.approx(45951.1985, abs=1e-3)


def test_weight_decay_is_half_the_sum_of_squares():
    close(decay_loss([tensor([1.0, 2.0]), tensor([[3.0]])], 0.1), 0.05 * 14)


def test_losses_equal_their_loops_on_random_batches():
    draws = np.random.default_rng(8)
    anchors, positives, negatives = draws.normal(size=(3, 7, 4))
    own = draws.normal(size=(7, 7, 4))
    tensors = [torch.tensor(part) for part in (anchors, positives, negatives, own)]
    assert float(npair_loss(tensors[0], tensors[1], 0.2)) == pytest.approx(npair(anchors, [positives] * 7, 0.2))
    assert float(npair_loss(tensors[0], tensors[3], 0.2)) == pytest.approx(npair(anchors, own, 0.2))
    assert float(triplet_sum(*tensors[:3], 0.7)) == pytest.approx(triplets(anchors, positives, negatives, 0.7))


def test_clustering_metrics_of_the_papers_tables():
    found = clustering_metrics(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
    assert found["nmi"] == pytest.approx(0.343711, abs=1e-6)
    assert found["f1"] == pytest.approx(0.4)
