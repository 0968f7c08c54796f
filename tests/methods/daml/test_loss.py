"""DAML's losses: worked numbers, the best answer in closed form, and slopes."""

import math

import pytest
import torch

from hardmine.methods.daml.loss import best_share, generator_terms, share_of_way
from hardmine.methods.daml.making import best_shares, build_generator
from hardmine.methods.daml.network import two_layers
from hardmine.methods.daml.settings import DAML
from hardmine.methods.daml.tuples import hinge, tuples_of
from hardmine.methods.made_samples import steps_of_share

CPU = torch.device("cpu")
W = torch.tensor([[1, 0.5], [0, 1]], dtype=torch.float64)
FEATURES = torch.tensor(
    [[1, 1], [1, 0], [0.5, -0.5], [1.6, 1.2], [1, 0.8], [0.5, 0.3], [2.6, 2.2], [-1, 1], [2.5, 1.5]],
    dtype=torch.float64,
)
"""Three anchors, their positives, their negatives."""
MADE = torch.tensor([[1.8, 1.6], [0.2, 0.5], [2, 1]], dtype=torch.float64)
PLAIN = {"base_loss": "triplet", "feature_scale": "none"}


def settings_of(tuples=3, **keys):
    size = {"npair": 2, "triplet": 3}[keys.get("base_loss", "npair")] * tuples
    return DAML(method="daml", batch_size=size, **keys)


def terms_of(run, features=FEATURES, points=MADE, weight=W):
    rows = tuples_of(run, CPU).rows
    return generator_terms(features, features @ weight.T, points, points @ weight.T, rows, run)


def close(found, expected):
    expected = torch.tensor(expected, dtype=torch.float64)
    assert torch.allclose(torch.as_tensor(found).double(), expected, atol=1.1e-6, rtol=0), found


def test_d1_terms_and_totals_of_three_triplets():
    run = settings_of(**PLAIN)
    terms = terms_of(run)
    close(terms.violations, (-0.04, 1.2475, -5.5125))
    close(terms.hard, 2.13)
    close(terms.reg, 1.063333)
    close(terms.adv, 0.925417)
    close(tuples_of(run, CPU).made_loss(FEATURES @ W.T, MADE @ W.T), 0.207917)
    close(terms.total(settings_of(**PLAIN, adv_weight=1)), 4.118750)
    close(terms.total(run), 49.464167)


def test_d1_as_sums_with_factor_one():
    run = settings_of(**PLAIN, hinge_factor=1, reduction="sum")
    terms = terms_of(run)
    close(torch.stack([terms.hard, terms.reg, terms.adv]), (6.39, 3.19, 5.5525))
    close(tuples_of(run, CPU).made_loss(FEATURES @ W.T, MADE @ W.T), 1.2475)
    close(terms.total(run), 287.205)


@pytest.mark.parametrize(("variant", "total"), [("no-hard", 2.914167), ("no-reg", 3.980833), ("no-adv", 3.193333)])
def test_a_variant_leaves_out_one_term_of_the_generators_loss(variant, total):
    close(terms_of(settings_of(**PLAIN)).total(settings_of(**PLAIN, variant=variant, adv_weight=2)), total)


def test_d2_metric_and_adversary_add_up_to_the_absolute_violation():
    run = settings_of(**PLAIN)
    metric = tuples_of(run, CPU).made_loss(FEATURES @ W.T, MADE @ W.T)
    terms = terms_of(run)
    close(metric + terms.adv, 1.133333)
    close(terms.violations.abs().mean() / 2, 1.133333)
    close(metric + 50 * terms.adv, 46.478750)


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (1, [[0.366667, 0.383333], [0.266667, 0], [1.416667, 1.541667]]),
        (50, [[18.333333, 19.166667], [0.266667, 0], [38.166667, 44.416667]]),
    ],
)
def test_d3_gradients_of_the_generators_loss_at_the_made_points(weight, expected):
    run = settings_of(**PLAIN, adv_weight=weight)
    points = MADE.clone().requires_grad_()
    close(torch.autograd.grad(terms_of(run, points=points).total(run), points)[0], expected)


def test_d3_gradient_of_the_metric_loss_at_the_made_points():
    points = MADE.clone().requires_grad_()
    loss = tuples_of(settings_of(**PLAIN), CPU).made_loss(FEATURES @ W.T, points @ W.T)
    close(torch.autograd.grad(loss, points)[0], [[0, 0], [0.183333, -0.075], [0, 0]])


@pytest.mark.parametrize(
    ("radius", "weight", "gain", "share"),
    [
        (1.5, 50, 1, 0.5),
        (4, 50, 1, 0.273861),
        (4, 1, 1, 0.4),
        (2.5, 1, 1, 0.438178),
        (1.2, 50, 3, 0.464811),
        (40, 50, 1, 0.037037),
    ],
)
def test_d4_the_best_share_and_that_no_other_share_is_better(radius, weight, gain, share):
    run = settings_of(1, **PLAIN, adv_weight=weight)
    numbers = torch.tensor([[radius], [0.2]], dtype=torch.float64)
    found = best_share(numbers[0], numbers[1], torch.tensor(float(gain)), torch.tensor(1.0), run)
    close(found, [share])
    features = torch.tensor([[0, 0], [0, math.sqrt(0.2)], [radius, 0]], dtype=torch.float64)
    scan = torch.linspace(0, 1, 301, dtype=torch.float64)
    totals = []
    for s in [*scan.tolist(), float(found)]:
        points = torch.tensor([[s * radius, 0]], dtype=torch.float64)
        totals.append(float(terms_of(run, features, points, gain * torch.eye(2, dtype=torch.float64)).total(run)))
    assert totals[-1] <= min(totals[:-1]) + 1e-5


def test_the_best_share_is_best_too_where_features_are_scaled_by_the_batch():
    run = settings_of(4, base_loss="triplet", adv_weight=7)
    draws = torch.Generator().manual_seed(0)
    features = 3 * torch.randn(12, 5, generator=draws, dtype=torch.float64)
    rows = tuples_of(run, CPU).rows
    shares = best_shares(features, 1.4 * features, rows, run)
    anchors, way = features[:4], features[8:] - features[:4]
    assert len(set(shares.tolist())) > 1
    for place in range(4):
        totals = []
        for s in [*torch.linspace(0, 1, 101).tolist(), float(shares[place])]:
            tried = shares.clone()
            tried[place] = s
            points = anchors + tried[:, None] * way
            totals.append(float(generator_terms(features, 1.4 * features, points, 1.4 * points, rows, run).total(run)))
        assert totals[-1] <= min(totals[:-1]) + 1e-9


def test_the_gain_of_the_closed_form_is_the_batchs_ratio_of_distances():
    run = settings_of(2, **PLAIN, adv_weight=1)
    features = torch.tensor([[0, 0], [0, 0], [0.4, 0], [0, 0.2], [4, 0], [0, 2.0]], dtype=torch.float64)
    radii, near = features.new_tensor([4, 2]), features.new_tensor([0.16, 0.04])
    expected = best_share(radii, near, torch.tensor(3.0), torch.tensor(1.0), run)
    close(best_shares(features, 3 * features, tuples_of(run, CPU).rows, run), expected.tolist())


def test_d5_on_unit_features_the_adversary_is_idle_at_every_midpoint():
    angles = torch.linspace(0, math.pi, 41, dtype=torch.float64)
    anchors = torch.tensor([[1.0, 0]], dtype=torch.float64).expand(41, 2)
    negatives = torch.stack([angles.cos(), angles.sin()], dim=1)
    features = torch.cat([anchors, anchors.flip(1), negatives])
    terms = terms_of(settings_of(41, **PLAIN), features, (anchors + negatives) / 2, torch.eye(2, dtype=torch.float64))
    assert float(terms.adv) == 0
    assert float((((anchors + negatives) / 2 - anchors).pow(2).sum(dim=1) - 1).max()) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("end", "expected"), [("linear", (0.32, -0.29)), ("relu", (0.32, 0))])
def test_d6_the_generator_maps_three_features_to_one(end, expected):
    generator = build_generator(
        settings_of(generator_width=2, generator_batch_norm=False, generator_end=end), 2
    ).double()
    values = [
        [[0.5, 0, 0.2, 0, 0.3, 0], [0, 0.5, 0, 0.2, 0, 0.3]],
        [0.1, 0.4],
        [[1, -0.5], [0.5, 1]],
        [0, -0.6],
    ]
    with torch.no_grad():
        for weight, value in zip(generator.parameters(), values, strict=True):
            weight.copy_(torch.tensor(value, dtype=torch.float64))
    entering = torch.tensor([[0.6, -0.8, 0.8, -0.6, -0.6, 0.8]], dtype=torch.float64)
    close(generator[1](generator[0](entering)), [(0.38, 0.12)])
    close(generator(entering), [expected])


def test_d7_a_generator_that_ends_in_a_relu_cannot_reach_the_midpoint_of_negative_coordinates():
    features = torch.tensor([[0.6, -0.8], [1, 0], [0.8, -0.6]], dtype=torch.float64)
    run, weight = settings_of(1, **PLAIN), torch.eye(2, dtype=torch.float64)

    def both(point):
        terms = terms_of(run, features, torch.tensor([point], dtype=torch.float64), weight)
        return float(terms.hard + terms.reg)

    assert both((0.7, 0.0)) == pytest.approx(1.02, abs=1e-9)
    assert both((0.7, -0.7)) == pytest.approx(0.04, abs=1e-9)
    grid = [(x / 20, y / 20) for x in range(41) for y in range(21)]
    assert min(both(point) for point in grid) == pytest.approx(1.02, abs=1e-9)


def test_d8_npair_with_midpoints():
    run = settings_of(2)
    embeddings = torch.tensor([[2, 0], [0, 2], [2, 1], [1, 2]], dtype=torch.float64)
    tuples = tuples_of(run, CPU)
    rows = tuples.rows
    made = (embeddings[rows.anchors] + embeddings[rows.negatives]) / 2
    close(made, [[1.5, 1], [1, 1.5]])
    real, synthetic = tuples.real_loss(embeddings), tuples.made_loss(embeddings, made)
    close(real, 0.133678)
    close(synthetic, 0.319355)
    close(tuples_of(settings_of(2, l2=0), CPU).made_loss(embeddings, made), 0.313262)
    close((real + synthetic) / 2, 0.226517)


def test_d9_what_other_codes_compute_on_the_same_triplets_is_something_else():
    run = settings_of(**PLAIN, hinge_factor=1)
    close(terms_of(run, weight=torch.eye(2, dtype=torch.float64)).adv, 0.953333)
    close(hinge(terms_of(run).violations - 2, run), 0.0)
    unit = [torch.nn.functional.normalize(part, dim=1) for part in (FEATURES, MADE)]
    terms = terms_of(run, *unit)
    close(torch.stack([terms.hard, terms.reg]) / 2, (0.438036, 0.203108))


def test_d10_the_released_schedule_starts_with_1200_steps():
    assert steps_of_share(DAML(method="daml", preset="release").warm_share, 6000) == 1200


def test_two_layers_from_the_identity_cut_negative_coordinates():
    head = two_layers(3, 3)
    found = head(torch.tensor([[0.5, -0.2, 0.1]]))
    assert found.tolist()[0] == pytest.approx([0.5, 0, 0.1])


def test_violations_of_exactly_zero_have_no_gradient_on_either_side():
    features = torch.tensor([[0, 0], [0, 0], [0, 1.0]], dtype=torch.float64, requires_grad=True)
    run = settings_of(1, **PLAIN)
    tuples = tuples_of(run, CPU)
    terms = generator_terms(features, features, features[2:], features[2:], tuples.rows, run)
    for loss in (terms.adv, tuples.made_loss(features, features[2:])):
        assert float(torch.autograd.grad(loss, features, retain_graph=True)[0].abs().sum()) == 0


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_permuted_negatives_are_each_used_once_by_another_anchor_and_keep_another_class(base_loss):
    tuples = tuples_of(settings_of(5, base_loss=base_loss), CPU)
    assert sorted(tuples.permutation.tolist()) == list(range(len(tuples.rows)))
    anchors = tuples.rows.anchors
    assert (anchors[tuples.permutation] != anchors).all()
    if base_loss == "npair":
        assert (tuples.rows.negatives[tuples.permutation] == tuples.rows.negatives).all()


def test_the_place_of_made_points_is_a_share_of_the_way_and_a_rest_off_the_line():
    run = settings_of(2, **PLAIN)
    features = torch.tensor([[0, 0], [1, 1], [9, 9], [9, 9], [4, 0], [1, 1]], dtype=torch.float64)
    points = torch.tensor([[1, 2], [5, 5]], dtype=torch.float64)
    shares, off = share_of_way(features, points, tuples_of(run, CPU).rows)
    close(shares, (0.25, 0))
    close(off, (0.25, 0))


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_gradients_are_the_slopes(base_loss):
    run = settings_of(3, base_loss=base_loss, margin=2.0)
    tuples = tuples_of(run, CPU)
    draws = torch.Generator().manual_seed(3)
    features = torch.randn(run.batch_size, 4, generator=draws, dtype=torch.float64)
    points = torch.randn(len(tuples.rows), 4, generator=draws, dtype=torch.float64)

    def losses(points):
        terms = generator_terms(features, features, points, points, tuples.rows, run)
        return terms.total(run), tuples.made_loss(features, points)

    assert torch.autograd.gradcheck(losses, (points.requires_grad_(),), eps=1e-6, atol=1e-6)
