"""DREML's meta-classes and loss: the worked numbers, and what the loss does not see."""

import math

import numpy as np
import pytest
import torch
from gradients import central_differences

from hardmine.methods.dreml.loss import common_mode, meta_class_loss
from hardmine.methods.dreml.meta_classes import merged_share, merging_of, similar_merging, written_out
from hardmine.methods.levels import join_levels

LOGITS = torch.tensor([[2, 1, 0, -1], [0, 0, 1, 0]], dtype=torch.float64)
TARGETS = torch.tensor([0, 3])


def unit(*values):
    return torch.nn.functional.normalize(torch.tensor([values], dtype=torch.float64), dim=1)


def test_td1_permutations_are_written_out_and_cut():
    found = written_out([(2, 0, 1), (1, 2, 0), (0, 1, 2)], 7)
    assert found.tolist() == [2, 0, 1, 1, 2, 0, 0]
    assert np.bincount(found).tolist() == [3, 2, 2]


@pytest.mark.parametrize(
    ("classes", "meta", "sizes", "share"),
    [
        (98, 12, {8: 10, 9: 2}, 0.074058),
        (200, 16, {12: 8, 13: 8}, 0.057889),
        (200, 8, {25: 8}, 0.120603),
        (200, 4, {50: 4}, 0.246231),
        (200, 32, {6: 24, 7: 8}, 0.026533),
    ],
)
def test_td2_sizes_of_meta_classes_and_the_share_of_merged_pairs(classes, meta, sizes, share):
    matrix = merging_of("random", classes, meta, 3, seed=1)
    for column in matrix.T:
        counts = np.bincount(column, minlength=meta)
        assert {size: int((counts == size).sum()) for size in set(counts.tolist())} == sizes
        assert merged_share(column) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize(
    ("learners", "meta", "expected"), [(2, 32, 14.009246), (4, 16, 0.223486), (8, 8, 0.000891), (16, 4, 0.000004)]
)
def test_td2_class_pairs_merged_everywhere(learners, meta, expected):
    share = merged_share(merging_of("random", 200, meta, 1, seed=0)[:, 0])
    assert 200 * 199 / 2 * share**learners == pytest.approx(expected, abs=1e-6)
    if learners == 2:  # and so it comes out, over many draws
        counts = []
        for seed in range(60):
            first, second = merging_of("random", 200, meta, 2, seed).T
            merged = (first[:, None] == first) & (second[:, None] == second)
            counts.append((merged.sum() - 200) / 2)
        assert np.mean(counts) == pytest.approx(expected, abs=4 * np.std(counts) / math.sqrt(60))


@pytest.mark.parametrize(
    ("learners", "meta", "classes", "mean", "deviation"),
    [
        (48, 12, 98, 0.074058, 0.037797),
        (4, 16, 200, 0.057889, 0.116767),
        (8, 8, 200, 0.120603, 0.115140),
        (16, 4, 200, 0.246231, 0.107704),
    ],
)
def test_td2_ideal_similarities_of_two_classes(learners, meta, classes, mean, deviation):
    share = merged_share(merging_of("random", classes, meta, 1, seed=0)[:, 0])
    assert (share, math.sqrt(share * (1 - share) / learners)) == pytest.approx((mean, deviation), abs=1e-6)


def test_td3_the_loss_its_gradient_and_the_form_with_identity_proxies():
    logits = LOGITS.clone().requires_grad_()
    value = meta_class_loss(logits, TARGETS)
    value.backward()
    assert float(value.detach()) == pytest.approx(1.091929, abs=1e-6)
    printed = [[-0.178043, 0.118441, 0.043572, 0.016029], [0.087439, 0.087439, 0.237683, -0.412561]]
    assert torch.allclose(logits.grad, torch.tensor(printed, dtype=torch.float64), atol=1e-6)
    assert torch.allclose(
        logits.grad, central_differences(lambda own: meta_class_loss(own, TARGETS), LOGITS), atol=1e-7
    )
    through_proxies = meta_class_loss(LOGITS @ torch.eye(4, dtype=torch.float64).T, TARGETS)
    assert float(through_proxies) == pytest.approx(1.091929, abs=1e-6)
    assert float(meta_class_loss(LOGITS, TARGETS, "unit")) == pytest.approx(1.309699, abs=1e-6)


@pytest.mark.parametrize(("meta", "floor"), [(12, 1.583233), (16, 1.846903)])
def test_td4_the_loss_of_unit_logits_has_a_floor(meta, floor):
    best = (torch.eye(meta, dtype=torch.float64) - 1 / meta).requires_grad_()
    value = meta_class_loss(best, torch.arange(meta), "unit")
    value.backward()
    assert float(value.detach()) == pytest.approx(floor, abs=1e-6)
    assert float(best.grad.abs().max()) < 1e-9
    assert float(meta_class_loss(100 * best.detach(), torch.arange(meta))) < 1e-6


def test_td5_the_loss_ignores_a_constant_and_the_embedding_does_not():
    f = torch.tensor([[2.0, 0, 0]], dtype=torch.float64)
    for shift in (0, 1):
        assert float(meta_class_loss(f + shift, torch.tensor([0]))) == pytest.approx(0.239545, abs=1e-6)
    assert common_mode(f) == pytest.approx(1 / 3)
    assert common_mode(f + 1) == pytest.approx(5 / 3 / math.sqrt(11))


def test_td6_networks_are_joined_by_unit_logits():
    query, first, second = ((3, 1, 0), (0, 2, 2)), ((2, 2, 0), (0, 1, 3)), ((3, 0, 0), (3, 1, 0))
    given = [[unit(*half) for half in image] for image in (query, first, second)]
    apart = [[float((a * b).sum()) for a, b in zip(given[0], image, strict=True)] for image in given[1:]]
    assert apart[0] == pytest.approx([0.894427, 0.894427], abs=1e-6)
    assert apart[1] == pytest.approx([0.948683, 0.223607], abs=1e-6)
    joined = [join_levels(image, (1.0, 1.0)) for image in given]
    found = [float((joined[0] * other).sum()) for other in joined[1:]]
    assert found == pytest.approx([1.788854, 1.172290], abs=1e-6)


def test_equal_seeds_give_equal_matrices_columns_differ_and_more_networks_keep_the_first_columns():
    matrix = merging_of("random", 40, 6, 5, seed=3)
    assert np.array_equal(matrix, merging_of("random", 40, 6, 5, seed=3))
    assert not np.array_equal(matrix, merging_of("random", 40, 6, 5, seed=4))
    assert len({tuple(column) for column in matrix.T}) == 5
    assert np.array_equal(matrix[:, :2], merging_of("random", 40, 6, 2, seed=3))


def test_the_controls_merge_alike_everywhere_or_class_by_class():
    same = merging_of("same", 40, 6, 5, seed=3)
    assert len({tuple(column) for column in same.T}) == 1
    independent = merging_of("independent", 4000, 6, 2, seed=3)
    assert set(np.unique(independent)) == set(range(6))
    assert np.ptp(np.bincount(independent[:, 0])) > 1


def test_similar_classes_are_merged():
    draws = np.random.default_rng(0)
    centres = np.eye(4, 7)[np.arange(20) % 4] * 5
    means = [(centres + 0.1 * draws.standard_normal((20, 7))).astype(np.float32) for _ in range(3)]
    matrix = similar_merging(means, 4)
    assert matrix.shape == (20, 3)
    for column in matrix.T:
        for label in range(4):
            assert len(set(column[np.arange(20) % 4 == label])) == 1


def test_losses_of_equal_and_of_zero_logits_are_finite():
    for logits in (torch.zeros(3, 4), torch.ones(3, 4)):
        for kind in ("plain", "unit"):
            own = logits.clone().requires_grad_()
            value = meta_class_loss(own, torch.tensor([0, 1, 1]), kind)
            value.backward()
            assert float(value.detach()) == pytest.approx(math.log(4), abs=1e-6)
            assert torch.isfinite(own.grad).all()
            assert math.isfinite(float(common_mode(logits)))
