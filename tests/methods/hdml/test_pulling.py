"""Pulling: worked numbers, gradients, and the loop version on random and nasty tuples."""

import math

import numpy as np
import pytest
import torch
from oracles_hdml import pull_one

from hardmine.methods.hdml.pulling import decay_exponent, pull, pull_npair


def point(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def close(found, expected, tolerance=1e-6):
    assert torch.allclose(torch.as_tensor(found), torch.tensor(expected, dtype=torch.float64), atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("hardness", "expected", "distance"), [(0.5, (1.8, 2.4), 3), (0.0, (0.6, 0.8), 1), (1.0, (3.0, 4.0), 5)]
)
def test_a_far_negative_comes_to_the_distance_that_lambda_says(hardness, expected, distance):
    moved = pull(point(0, 0), point(0.6, 0.8), point(3, 4), hardness)
    close(moved.points, expected)
    assert float(moved.points.detach().norm()) == pytest.approx(distance, abs=1e-9)
    assert float(moved.factors.detach()) == pytest.approx({0.5: 0.6, 0.0: 0.2, 1.0: 1.0}[hardness])


def test_alpha_7_at_an_average_of_7_over_ln_2_gives_lambda_one_half():
    assert decay_exponent(7, 10.098865) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("hardness", "to_anchor", "to_positive", "to_negative"),
    [
        (0.5, (0.064, -0.048), (0.42, 0.56), (0.516, 0.488)),
        (0.0, (0.128, -0.096), (0.84, 1.12), (0.032, -0.024)),
        (1.0, (0.0, 0.0), (0.0, 0.0), (1.0, 1.0)),
    ],
)
def test_gradients_go_through_the_distances(hardness, to_anchor, to_positive, to_negative):
    anchor, positive, negative = point(0, 0), point(0.6, 0.8), point(3, 4)
    pull(anchor, positive, negative, hardness).points.sum().backward()
    for given, expected in ((anchor, to_anchor), (positive, to_positive), (negative, to_negative)):
        close(given.grad, expected)


def test_second_case_with_its_gradient():
    anchor, positive, negative = point(1, 0), point(1, 1), point(3, 0)
    moved = pull(anchor, positive, negative, 0.25).points
    close(moved, (2.25, 0.0))
    (moved[0] + 2 * moved[1]).backward()
    close(anchor.grad, (0.75, 0.0))
    close(positive.grad, (0.0, 0.75))
    close(negative.grad, (0.25, 1.25))


@pytest.mark.parametrize("negative", [(0.6, 0.8), (5.0, 0.0), (3.0, 4.0)])
def test_a_negative_no_farther_than_the_positive_stays_bit_for_bit(negative):
    moved = pull(point(0, 0), point(3, 4), point(*negative), 0.1)
    assert torch.equal(moved.points, point(*negative))
    assert float(moved.factors.detach()) == 1


@pytest.mark.parametrize(
    ("alpha", "average", "expected"),
    [(90, 1e6, 0.999910), (90, 50, 0.165299), (90, 25, 0.027324), (7, 120, 0.943335), (7, 10, 0.496585)],
)
def test_lambda_follows_alpha_and_the_average(alpha, average, expected):
    assert decay_exponent(alpha, average) == pytest.approx(expected, abs=1e-6)


def test_lambda_vanishes_when_alpha_90_meets_the_bare_loss_at_chance():
    assert decay_exponent(90, math.log(64)) == pytest.approx(4.0e-10, abs=0.05e-10)


@pytest.mark.parametrize("average", [0.0, -1.0, 1e-300])
def test_an_average_of_zero_gives_zero_not_an_error(average):
    assert decay_exponent(90, average) == 0.0
    assert decay_exponent(0, average) == 1.0


@pytest.mark.parametrize(
    ("beta", "expected"),
    [
        (1e4, (0.990050, 0.904837, 0.367879, 0.135335, 0.000045)),
        (5e3, (0.995012, 0.951229, 0.606531, 0.367879, 0.006738)),
        (5e4, (0.951229, 0.606531, 0.006738, 0.000045, 0.0)),
    ],
)
def test_the_weight_falls_with_the_generators_loss(beta, expected):
    found = [decay_exponent(beta, average) for average in (1e6, 1e5, 1e4, 5e3, 1e3)]
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("hardness", [0.0, 0.3, 1.0])
def test_all_candidates_at_once_equal_one_at_a_time(hardness):
    draws = np.random.default_rng(3)
    anchors, positives = draws.normal(size=(2, 9, 4))
    positives[1] = anchors[1]  # zero distance to its own positive
    positives[2] = anchors[3]  # a candidate on another's anchor
    positives[4] = positives[5]  # a tie
    moved = pull_npair(torch.tensor(anchors), torch.tensor(positives), hardness)
    for i in range(9):
        for j in range(9):
            expected, factor = pull_one(anchors[i], positives[i], positives[j], hardness)
            if i == j:
                expected, factor = positives[j], 1.0
            assert moved.points[i, j].numpy() == pytest.approx(expected, abs=1e-12)
            assert float(moved.factors[i, j]) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("hardness", [0.0, 0.5])
def test_zero_distances_give_finite_gradients(hardness):
    anchors = torch.zeros(3, 2, requires_grad=True)
    positives = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]], requires_grad=True)
    moved = pull_npair(anchors, positives, hardness)
    moved.points.pow(2).sum().backward()
    for values in (moved.points, anchors.grad, positives.grad):
        assert torch.isfinite(values).all()
    if not hardness:  # the positive lies on the anchor, and so does what is pulled all the way
        assert torch.equal(moved.points[0, 2].detach(), torch.zeros(2))


def test_constant_factors_keep_the_points_and_cut_the_gradient_to_the_positive():
    anchor, positive, negative = point(0, 0), point(0.6, 0.8), point(3, 4)
    moved = pull(anchor, positive, negative, 0.5, constant_factors=True)
    close(moved.points, (1.8, 2.4))
    to_anchor, to_negative = torch.autograd.grad(moved.points.sum(), (anchor, negative))
    close(to_anchor, (0.4, 0.4))
    close(to_negative, (0.6, 0.6))
