"""ABE's losses: the worked numbers, loops, central differences, and what leaves learners the same."""

import math

import pytest
import torch
from circle import at
from gradients import central_differences
from learners import LABELS, three

from hardmine.methods.abe.loss import all_images_divergence, contrastive, divergence, siamese_pairs
from hardmine.methods.levels import independent_learners, join_levels, similarity_correlations
from hardmine.mining.pairs import BatchPairs

PAIRS = BatchPairs.of(LABELS)


def whole(learners, weight=1.0):
    return torch.stack([contrastive(own, PAIRS) for own in learners]).sum() + weight * divergence(learners)[0]


def test_ta1_losses_of_learners_divergence_and_their_sum():
    learners = three()
    found = [float(contrastive(own, PAIRS)) for own in learners]
    assert found == pytest.approx([0.630034, 0.474675, 0.025167], abs=1e-6)
    assert float(divergence(learners)[0]) == pytest.approx(0.743250, abs=1e-6)
    assert float(divergence(learners, reduction="sum")[0]) == pytest.approx(8.918998, abs=1e-6)
    assert float(whole(learners)) == pytest.approx(1.873125, abs=1e-6)


def test_ta2_the_gradient_of_the_first_learner_and_the_divergences_part_of_it():
    learners = three(grad=True)
    (found,) = torch.autograd.grad(whole(learners), learners[0])
    printed = [[-0.076945, 0.117623], [-0.167797, 0.290022], [0.560348, -0.218888], [-0.506071, -0.119276]]
    assert torch.allclose(found, torch.tensor(printed, dtype=torch.float64), atol=1e-6)
    (part,) = torch.autograd.grad(divergence(learners)[0], learners[0])
    printed = [[-0.002532, 0.028941], [-0.048726, 0.034674], [-0.136073, 0.036461], [-0.003134, -0.030594]]
    assert torch.allclose(part, torch.tensor(printed, dtype=torch.float64), atol=1e-6)
    others = learners[1:]
    assert torch.allclose(found, central_differences(lambda own: whole([own, *others]), learners[0]), atol=1e-7)


def test_ta3_identical_learners_have_the_largest_divergence_and_no_gradient():
    learners = [at(0, 30, 50, 150).requires_grad_() for _ in range(3)]
    value, share = divergence(learners)
    value.backward()
    assert (float(value.detach()), float(share)) == (1, 1)
    assert not any(own.grad.any() for own in learners)


def test_ta3_learners_one_degree_apart_hardly_feel_it():
    first, second = at(0, 30, 50, 150).requires_grad_(), at(1, 31, 51, 151)
    value = divergence([first, second])[0]
    value.backward()
    assert float(value.detach()) == pytest.approx(0.999695, abs=1e-6)
    assert float(first.grad.norm()) == pytest.approx(0.017453, abs=1e-6)


def test_ta4_siamese_pairs_of_the_first_learner():
    pairs = siamese_pairs(LABELS)
    assert (pairs.positives.tolist(), pairs.negatives.tolist()) == ([0, 5], [1, 4])  # (0,1), (2,3) and (0,2), (1,3)
    assert float(contrastive(three()[0], pairs)) == pytest.approx(0.725205, abs=1e-6)


@pytest.mark.parametrize(("classes", "each"), [(25, 4), (5, 3), (3, 5), (1, 6), (7, 1)])
def test_siamese_pairs_have_the_signs_they_are_listed_under(classes, each):
    labels = torch.arange(classes * each) // each
    pairs, everything = siamese_pairs(labels), BatchPairs.of(labels)
    assert set(pairs.positives.tolist()) <= set(everything.positives.tolist())
    assert set(pairs.negatives.tolist()) <= set(everything.negatives.tolist())
    if each == 4:
        assert len(pairs.positives) == len(pairs.negatives) == 50


def test_ta5_the_third_party_divergence_between_all_images_is_another():
    learners = three()
    assert float(all_images_divergence(learners)[0]) == pytest.approx(0.352696, abs=1e-6)
    own = divergence(learners, reduction="active")[0] / 2  # 1 - d² is twice the cosine less a half
    assert float(own) == pytest.approx(0.405409, abs=1e-6)


def test_the_all_images_divergence_is_what_loops_find():
    draws = torch.Generator().manual_seed(0)
    learners = [
        torch.nn.functional.normalize(torch.randn(5, 3, generator=draws, dtype=torch.float64), dim=1) for _ in range(3)
    ]
    hinges = [
        max(0.0, float(learners[p][i] @ learners[q][j]) - 0.3)
        for p in range(3)
        for q in range(3)
        for i in range(5)
        for j in range(5)
        if p != q
    ]
    active = [hinge for hinge in hinges if hinge > 1e-9]
    value, share = all_images_divergence(learners, 1.4)
    assert float(value) == pytest.approx(sum(active) / len(active), rel=1e-9)
    assert float(share) == pytest.approx(len(active) / len(hinges))


def test_ta7_concatenation_adds_squared_distances_and_so_ranks_another_image_first_than_mean_distances():
    def apart(distance):  # a unit vector at this distance from (1, 0)
        cosine = 1 - distance**2 / 2
        return torch.tensor([[cosine, math.sqrt(1 - cosine**2)]], dtype=torch.float64)

    query = [torch.tensor([[1.0, 0.0]], dtype=torch.float64)] * 2
    joined = []
    for distances in ((0.1, 1.3), (0.8, 0.8)):
        image = [apart(distance) for distance in distances]
        joined.append(float((join_levels(query, (1, 1)) - join_levels(image, (1, 1))).square().sum()))
    assert joined == pytest.approx([1.70, 1.28], abs=1e-6)
    assert (0.1 + 1.3) / 2 < (0.8 + 0.8) / 2


def test_m_learners_cannot_be_farther_apart_than_a_regular_simplex():
    angles = [at(120 * learner) for learner in range(3)]
    mean = 4 - float(divergence(angles, 4.0)[0])
    assert mean == pytest.approx(2 * 3 / 2)


def test_swapping_learners_leaves_the_loss_and_the_contrastive_loss_is_what_loops_find():
    learners = three()
    assert float(whole(learners)) == pytest.approx(float(whole([learners[2], learners[0], learners[1]])), abs=1e-12)
    own = learners[0]
    total = 0.0
    for i in range(4):
        for j in range(i + 1, 4):
            distance = float(((own[i] - own[j]) ** 2).sum())
            total += distance if LABELS[i] == LABELS[j] else max(0.0, 0.7 - distance)
    assert float(contrastive(own, PAIRS, 0.7)) == pytest.approx(total / 6, rel=1e-9)


def test_tc2_correlations_of_the_learners_over_the_six_pairs():
    found = similarity_correlations(three())
    assert [float(found[p]) for p in ((0, 1), (0, 2), (1, 2))] == pytest.approx(
        [0.806840, 0.384418, 0.657293], abs=1e-6
    )
    assert torch.equal(found.diagonal(), torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize(
    ("learners", "correlation", "noise", "worth"),
    [(3, 0.9, 0.933333, 1.071429), (4, 0.9, 0.925, 1.081081), (4, 0.5, 0.625, 1.6), (8, 0.5, 0.5625, 1.777778)],
)
def test_what_an_ensemble_is_worth(learners, correlation, noise, worth):
    assert independent_learners(learners, correlation) == pytest.approx(worth, abs=1e-6)
    assert 1 / independent_learners(learners, correlation) == pytest.approx(noise, abs=1e-6)


def test_learners_that_do_not_vary_correlate_with_nothing():
    flat = torch.ones(4, 2) / math.sqrt(2)
    found = similarity_correlations([flat, at(0, 30, 50, 150).float(), flat])
    assert torch.equal(found, torch.eye(3, dtype=torch.float64))
    assert torch.equal(similarity_correlations([flat[:1], flat[:1]]), torch.eye(2, dtype=torch.float64))


@pytest.mark.parametrize("labels", [[0] * 5, [0, 1, 2, 3, 4], [0], [0, 0], [0, 0, 0, 1]])
@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("choose", [BatchPairs.of, siamese_pairs])
def test_degenerate_batches_have_finite_losses_and_gradients(labels, equal, choose):
    labels = torch.tensor(labels)
    vectors = [torch.ones(len(labels), 3) if equal else torch.randn(len(labels), 3) for _ in range(2)]
    vectors = [value.requires_grad_() for value in vectors]
    unit = [torch.nn.functional.normalize(value, dim=1) for value in vectors]
    value = torch.stack([contrastive(own, choose(labels)) for own in unit]).sum()
    value = value + divergence(unit, reduction="active")[0] + all_images_divergence(unit)[0]
    value.backward()
    assert math.isfinite(float(value.detach()))
    assert all(torch.isfinite(own.grad).all() for own in vectors)
