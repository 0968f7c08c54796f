"""HTG's losses: worked numbers by function, slopes, generator, discriminator and the rivals without a generator."""

import math

import numpy as np
import oracles_synthesis as oracle
import pytest
import torch

from hardmine.methods.htg.loss import against, class_floor, in_favour, made_entropy, real_entropy, unit_gaps
from hardmine.methods.htg.network import Discriminator, TripletGenerator, build_generator
from hardmine.methods.htg.rivals import moved_at_random, stepped, with_others_displacements

M = 0.2


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


RAW = tensor([[[2, 0], [1, 0], [1, 0]], [[1, 1], [0, 1], [1, 1]], [[0, 3], [1, 1], [1, -1.1]]])
"""Three anchors, their positives, their negatives."""


def close(found, expected):
    found = torch.as_tensor(found).detach().double()
    assert torch.allclose(found, tensor(expected), atol=1.1e-6, rtol=0), found


def squared(first, second):
    unit = [torch.nn.functional.normalize(part, dim=-1) for part in (first, second)]
    return (unit[0] - unit[1]).pow(2).sum(dim=-1)


def test_h1_distances_and_both_hinges_of_three_triplets():
    near, far = squared(RAW[0], RAW[1]), squared(RAW[0], RAW[2])
    close(near, (0.585786, 2, 0.585786))
    close(far, (2, 0.585786, 0.654654))
    gaps = unit_gaps(RAW)
    close(gaps, (near - far).tolist())
    close(torch.stack([against(gap[None], M) for gap in gaps]), (0, 1.614214, 0.131132))
    close(torch.stack([in_favour(gap[None], M) for gap in gaps]), (1.614214, 0, 0.268868))
    close(against(gaps, M), 0.581782)
    close(in_favour(gaps, M), 0.627694)
    sums = torch.stack([against(gap[None], M) + in_favour(gap[None], M) for gap in gaps])
    close(sums, (1.614214, 1.614214, 0.4))


def test_a_mean_over_violating_triplets_leaves_out_those_without_a_loss():
    gaps = unit_gaps(RAW)
    close(against(gaps, M, "violating"), (1.614214 + 0.131132) / 2)
    close(in_favour(gaps, M, "violating"), (1.614214 + 0.268868) / 2)
    assert float(against(gaps - 9, M, "violating")) == 0


def test_h1_the_generators_loss_is_not_the_minimum_with_zero():
    wrong = (M - unit_gaps(RAW)).clamp(max=0)
    close(wrong, (0, -1.214214, 0))
    assert not torch.allclose(wrong.mean(), in_favour(unit_gaps(RAW), M))


def gradients_of(place):
    points = RAW[:, place : place + 1].clone().requires_grad_()
    gaps = unit_gaps(points)
    found = [torch.autograd.grad(loss(gaps, M), points, retain_graph=True)[0] for loss in (against, in_favour)]
    return [each[:, 0] for each in found]


def test_h2_inside_the_band_the_two_gradients_cancel():
    network, generator = gradients_of(2)
    close(network, [[0, -2.894094], [-0.707107, 0.707107], [0.736592, 0.669629]])
    assert torch.equal(network, -generator)


def test_h2_outside_the_band_one_side_is_idle():
    network, generator = gradients_of(0)
    close(network, [[0.0, 0]] * 3)
    close(generator, [[0, -0.292893], [0.707107, -0.707107], [-0.666667, 0]])


def test_h3_a_step_down_the_generators_loss_makes_the_triplet_harder():
    moved = RAW[:, 0] - 0.5 * gradients_of(0)[1]
    close(moved, [[2, 0.146447], [0.646447, 1.353553], [0.333333, 3]])
    close(squared(moved[0], moved[1]), 1.008577)
    close(squared(moved[0], moved[2]), 1.634564)


def test_h4_discriminator_and_generator_losses_of_three_points():
    labels = torch.tensor([0, 0, 2])
    real = tensor([[2, 0, 0, -1], [1, 0.5, 0, 0], [0, 0, 1.5, 0.5]])
    made = tensor([[1, 0, 0, 1], [0, 1, 0, 0.5], [0.5, 0, 1, 0]])
    true, fake, own = real_entropy(real, labels), made_entropy(made), real_entropy(made, labels)
    close(torch.stack([true, fake, own]), (0.574906, 1.402889, 1.236222))
    close(true + fake, 1.977795)
    close(true + 0.1 * fake, 0.715195)
    harder = in_favour(unit_gaps(RAW), M)
    close(harder + own, 1.863916)
    close(harder + 0.1 * own, 0.751316)


def test_h5_the_generator_adds_what_it_sees_in_the_three_points_together():
    generator = TripletGenerator(2, 2).double()
    triplet = tensor([[[2, 0]], [[1, 1]], [[0, 3]]])
    assert torch.equal(generator(triplet), triplet)
    with torch.no_grad():
        generator.hidden.weight.copy_(tensor([[0.5, 0, -0.5, 0, 0.2, 0], [0, 0.5, 0, 0.2, 0, -0.5]]))
        generator.hidden.bias.copy_(tensor([0.1, 0.3]))
        generator.out.weight.copy_(tensor([[0.2, 0], [0, 0.2], [-0.4, 0.1], [0, 0.3], [0.1, -0.2], [0.5, 0]]))
    close(torch.relu(generator.hidden(triplet.permute(1, 0, 2).flatten(1))), [[0.6, 0]])
    made = generator(triplet)
    close(made[:, 0], [[2.12, 0], [0.76, 1], [0.06, 3.3]])
    close(squared(made[0], made[1]), [0.789833])
    close(squared(made[0], made[2]), [1.963642])
    close(unit_gaps(made), [0.789833 - 1.963642])


@pytest.mark.parametrize(
    ("degrees", "distance", "slope"), [(90, 2, 2), (150, 3.732051, 1), (179, 3.999695, 0.034905), (180, 4, 0)]
)
def test_h6_opposite_points_have_no_slope_left(degrees, distance, slope):
    angle = tensor(math.radians(degrees)).requires_grad_()
    anchor = tensor([[1, 0]])
    positive = torch.stack([angle.cos(), angle.sin()])[None]
    (gap,) = unit_gaps(torch.stack([anchor, positive, anchor]))
    close(gap, distance)
    close(torch.autograd.grad(gap, angle)[0], slope)


@pytest.mark.parametrize(("classes", "chance"), [(3, 1.386294), (200, 5.303305)])
def test_h7_chance(classes, chance):
    flat = torch.zeros(2, classes + 1, dtype=torch.float64)
    close(real_entropy(flat, torch.tensor([0, classes - 1])), chance)
    close(made_entropy(flat), chance)


@pytest.mark.parametrize(
    ("weight", "share", "both", "own"), [(1.0, 0.5, 1.386294, 0.693147), (0.1, 0.090909, 0.335100, 0.095310)]
)
def test_h7_the_best_discriminator_of_points_that_did_not_move(weight, share, both, own):
    logits = torch.full((2, 4), -60.0, dtype=torch.float64)
    logits[0, 0] = logits[1, 2] = 0
    logits[:, 3] = math.log(weight)
    labels = torch.tensor([0, 2])
    close(logits.softmax(dim=1)[:, 3], [share] * 2)
    close(real_entropy(logits, labels) + weight * made_entropy(logits), both)
    close(real_entropy(logits, labels), own)
    assert class_floor(weight) == pytest.approx(own, abs=1e-6)
    for shift in (-0.2, 0.2):
        other = logits + tensor([0, 0, 0, shift])
        assert float(real_entropy(other, labels) + weight * made_entropy(other)) > both + 1e-4


def test_losses_are_the_loops_and_their_gradients_the_slopes():
    draws = np.random.default_rng(3)
    raw = draws.normal(size=(3, 30, 4))
    gaps, lower, higher = oracle.htg(raw.transpose(1, 0, 2), M)
    found = unit_gaps(torch.from_numpy(raw))
    assert found.numpy() == pytest.approx(gaps)
    assert float(against(found, M)) == pytest.approx(lower)
    assert float(in_favour(found, M)) == pytest.approx(higher)
    points = torch.from_numpy(raw[:, :5]).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: (against(unit_gaps(x), M), in_favour(unit_gaps(x), M)), (points,))


def test_the_discriminator_cannot_tell_points_by_their_length_and_has_a_place_for_made_ones():
    part = Discriminator(4, 6, 5)
    points = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    assert part(points).shape == (7, 6)
    assert torch.allclose(part(points), part(30 * points), atol=1e-5)


def test_a_shared_generator_moves_a_point_the_same_whatever_its_role():
    generator = build_generator("shared", 3, 5)
    torch.nn.init.normal_(generator.out.weight, generator=torch.Generator().manual_seed(0))
    triplets = torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(generator(triplets)[0], generator(triplets.flip(0))[2])
    other = build_generator("triplet", 3, 5)
    torch.nn.init.normal_(other.out.weight, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(other(triplets)[0], other(triplets.flip(0))[2])


def units(*shape):
    draws = torch.randn(*shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return torch.nn.functional.normalize(draws, dim=-1)


def test_a_step_makes_triplets_harder_and_leaves_those_that_are_hard():
    points = units(3, 50, 6)
    made = stepped(points, 0.1, M)
    before, after = unit_gaps(points), unit_gaps(made)
    hard = before > M
    assert hard.any()
    assert (~hard).any()
    assert torch.allclose(made[:, hard], points[:, hard])
    assert (after > before)[~hard].all()
    assert torch.allclose(made.norm(dim=-1), torch.ones(3, 50, dtype=torch.float64))
    assert float((made - points).norm(dim=-1)[:, ~hard].min()) == pytest.approx(0.1, rel=0.01)


def test_random_moves_have_the_same_length_and_no_direction():
    points = units(3, 400, 6)
    made = moved_at_random(points, 0.1, torch.Generator().manual_seed(0))
    assert (made - points).norm(dim=-1).numpy() == pytest.approx(0.1, rel=0.01)
    assert abs(float((unit_gaps(made) - unit_gaps(points)).mean())) < 0.02


def test_others_displacements_are_those_of_the_triplet_before():
    points = units(3, 4, 6)
    made = torch.nn.functional.normalize(points + 0.3 * units(3, 4, 6).flip(1), dim=-1)
    found = with_others_displacements(points, made)
    for place in range(4):
        expected = points[:, place] + made[:, place - 1] - points[:, place - 1]
        assert torch.allclose(found[:, place], torch.nn.functional.normalize(expected, dim=-1))
