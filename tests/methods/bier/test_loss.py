"""BIER's loss: the worked numbers, loops over pairs, central differences, batches that have nothing to teach."""

import math

import pytest
import torch
from circle import at
from gradients import central_differences
from learners import LABELS, ORDER, three

from hardmine.methods.bier.loss import Boosting, group_losses, pair_shares, signed_scores
from hardmine.methods.bier.settings import BIER
from hardmine.mining.pairs import BatchPairs

Z = [
    torch.tensor([[2, 0], [1, 1], [0, 3], [-1, 1]], dtype=torch.float64),
    torch.tensor([[1, 2], [2, -1], [-1, 1], [0, 2]], dtype=torch.float64),
]


def run_of(**keys) -> BIER:
    return BIER.model_validate({"method": "bier", **keys})


def mean_of(vectors, labels=LABELS, **keys):
    return torch.stack([group.value for group in group_losses(vectors, labels, run_of(**keys))]).mean()


def shares_of_the_mean(vectors, labels=LABELS, **keys) -> list[float]:
    found = group_losses(vectors, labels, run_of(**keys))
    return [round(float(group.value) / len(found), 6) for group in found]


def weights_of(group: int, **keys) -> list[float]:
    return [round(float(w), 6) for w in group_losses(three(), LABELS, run_of(**keys))[group].weights[ORDER]]


def test_tb1_simple_boosting_gives_the_printed_losses_and_weights():
    assert float(mean_of(three())) == pytest.approx(4.201246, abs=1e-6)
    assert shares_of_the_mean(three()) == [2.591319, 1.588477, 0.021449]
    assert weights_of(0) == [1] * 6
    assert weights_of(1) == [0.367275, 0.396717, 0.964197, 0.019942, 1.388081, 0.058624]
    assert weights_of(2) == [0.367275, 0.401263, 0.219640, 0.000234, 1.668820, 0.004818]


def test_tb1_the_eta_form_gives_the_printed_losses_and_weights():
    assert float(mean_of(three(), boosting="eta")) == pytest.approx(3.806553, abs=1e-6)
    assert shares_of_the_mean(three(), boosting="eta") == [2.591319, 1.184393, 0.030841]
    assert weights_of(1, boosting="eta") == [0.324745, 0.793687, 0.999207, 0, 1, 0]
    assert weights_of(2, boosting="eta") == [0.439297, 0.659202, 0, 0, 1, 0]


def test_tb1_without_boosting_all_groups_have_their_plain_losses():
    assert shares_of_the_mean(three(), boosting="none") == [2.591319, 1.238244, 0.055723]


def test_tb2_the_gradient_is_the_printed_one_and_does_not_go_through_the_weights():
    vectors = [z.clone().requires_grad_() for z in Z]
    value = mean_of(vectors)
    value.backward()
    assert float(value.detach()) == pytest.approx(1.584560, abs=1e-6)
    printed = [
        [[0, -0.035170], [-2.244808, 2.244808], [1.496539, 0], [-0.035170, -0.035170]],
        [[-0.062929, 0.031465], [-0.013587, -0.027175], [-0.013001, -0.013001], [0.057694, 0]],
    ]
    for z, gradient, norm in zip(vectors, printed, (3.510223, 0.097672), strict=True):
        assert torch.allclose(z.grad, torch.tensor(gradient, dtype=torch.float64), atol=1e-6)
        assert float(z.grad.norm()) == pytest.approx(norm, abs=1e-6)


def test_tb2_with_a_gradient_through_the_weights_it_would_be_another():
    def whole(first):
        return mean_of([first, Z[1]])  # here the weights of the second group move with the first

    through = central_differences(whole, Z[0])
    assert torch.allclose(through[0], torch.tensor([0, 0.045358], dtype=torch.float64), atol=1e-5)
    assert torch.allclose(through[3], torch.tensor([0.046352, 0.046352], dtype=torch.float64), atol=1e-5)


@pytest.mark.parametrize("boosting", ["none", "simple"])
def test_the_last_groups_gradient_is_that_of_central_differences(boosting):
    last = Z[1].clone().requires_grad_()
    mean_of([Z[0], last], boosting=boosting).backward()
    assert torch.allclose(
        last.grad, central_differences(lambda z: mean_of([Z[0], z], boosting=boosting), Z[1]), atol=1e-7
    )


@pytest.mark.parametrize(
    ("boosting", "loss", "shares", "means"),
    [
        ("simple", 4.253516, [2.113498, 1.339978, 0.800040], [(0.384942, 0.505877), (0.386876, 0.421075)]),
        ("eta", 3.728912, [2.113498, 1.024670, 0.590744], [(0.582234, 0.326243), (0.536785, 0.255107)]),
    ],
)
def test_tb3_a_hundred_images(boosting, loss, shares, means):
    turns = ((0.05, 0.3), (0.08, 0.2), (0.11, 0.1))
    vectors = [at(*(math.degrees(slow * i + fast * (i % 10)) for i in range(100))) for slow, fast in turns]
    labels = torch.arange(100) // 10
    assert float(mean_of(vectors, labels, boosting=boosting)) == pytest.approx(loss, abs=1e-6)
    assert shares_of_the_mean(vectors, labels, boosting=boosting) == pytest.approx(shares, abs=1.01e-6)
    pairs = BatchPairs.of(labels)
    for group, expected in zip(group_losses(vectors, labels, run_of(boosting=boosting))[1:], means, strict=True):
        found = [float(group.weights[places].mean()) for places in (pairs.positives, pairs.negatives)]
        assert found == pytest.approx(list(expected), abs=1e-6)


@pytest.mark.parametrize(
    ("classes", "each", "positives", "negatives", "total"),
    [(10, 10, 1000, 9000, 0.9), (25, 4, 400, 9600, 0.75), (64, 2, 256, 16128, 0.5)],
)
def test_tb4_shares_of_pairs(classes, each, positives, negatives, total):
    labels = torch.arange(classes * each) // each
    pairs, shares = BatchPairs.of(labels), pair_shares(labels, torch.float64)
    assert float(shares[pairs.positives[0]]) == pytest.approx(1 / positives)
    assert float(shares[pairs.negatives[0]]) == pytest.approx(1 / negatives)
    assert float(2 * shares[pairs.positives].sum()) == pytest.approx(total)
    assert float(2 * shares[pairs.negatives].sum()) == pytest.approx(1)


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_tb5_the_eta_form_averages_the_groups_with_rising_weights(groups):
    printed = {2: [0.333333, 0.666667], 3: [0.166667, 0.333333, 0.5], 4: [0.1, 0.2, 0.3, 0.4]}
    pairs = BatchPairs.of(torch.tensor([0, 0]))
    run = run_of(boosting="eta")
    found = []
    for place in range(groups):  # a cosine of 1 in one group alone, so that the average is the group's weight
        boosting = Boosting(run, pairs)
        for group in range(groups):
            boosting.add(torch.tensor([float(group == place)], dtype=torch.float64))
        score = math.log(1 / float(boosting.weights(torch.zeros(1))) - 1)
        found.append(score / run.steepness + run.boundary)
    assert found == pytest.approx(printed[groups], abs=1e-6)


@pytest.mark.parametrize(
    ("label", "printed"),
    [(0, [0.391741, 0.377541, 0.366329]), (1, [0.238406, 0.755081, 1.336376])],
    ids=["positive", "negative"],
)
def test_tb10_weights_of_the_second_group_by_the_cosine_of_the_first(label, printed):
    pairs = BatchPairs.of(torch.tensor([0, label]))
    for cosine, expected in zip((0.0, 0.5, 0.9), printed, strict=True):
        boosting = Boosting(run_of(), pairs)
        boosting.add(torch.tensor([cosine], dtype=torch.float64))
        assert float(boosting.weights(torch.zeros(1))) == pytest.approx(expected, abs=1e-6)


def test_tb11_a_collapsed_batch_has_the_printed_loss_and_no_gradient():
    vectors = [torch.ones(4, 2, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    value = mean_of(vectors)
    value.backward()
    assert float(value.detach()) == pytest.approx(36.009460, abs=1e-6)
    assert shares_of_the_mean(vectors) == [8.385544, 12.203291, 15.420626]
    assert all(float(z.grad.abs().max()) < 1e-12 for z in vectors)


@pytest.mark.parametrize(
    ("cosine", "positive", "negative"), [(1.0, 0.706822, 2.8e-10), (0.0, 0.731059, 1.4e-11)], ids=["one", "zero"]
)
def test_tb12_the_eta_form_with_a_small_shrinkage_switches_negatives_off(cosine, positive, negative):
    for label, expected in ((0, positive), (1, negative)):
        boosting = Boosting(run_of(boosting="eta", shrinkage=0.06), BatchPairs.of(torch.tensor([0, label])))
        boosting.add(torch.tensor([cosine], dtype=torch.float64))
        assert float(boosting.weights(torch.zeros(1))) == pytest.approx(expected, rel=3e-2 if label else 1e-6)


def by_loops(vectors, labels, run: BIER) -> float:
    """The mean over groups, pair by pair, diagonal and both orders included."""
    count = len(labels)
    same = [[labels[i] == labels[j] for j in range(count)] for i in range(count)]
    positives = sum(map(sum, same))
    negatives = count * count - positives
    total = 0.0
    scores = [[run.start_score] * count for _ in range(count)]
    for number, group in enumerate(vectors):
        unit = [[float(v) / math.sqrt(sum(float(w) ** 2 for w in row)) for v in row] for row in group]
        for i in range(count):
            for j in range(count):
                cosine = sum(a * b for a, b in zip(unit[i], unit[j], strict=True))
                u = run.steepness * (cosine - run.boundary) * (1 if same[i][j] else -run.negative_cost)
                w = 1.0
                if number:
                    w = (1 if same[i][j] else run.negative_gamma) / (1 + math.exp(scores[i][j]))
                if i != j:
                    total += w / (positives if same[i][j] else negatives) * math.log1p(math.exp(-u))
                scores[i][j] += run.shrinkage * u
    return total / len(vectors)


def random_batch(count=9, seed=0):
    draws = torch.Generator().manual_seed(seed)
    vectors = [torch.randn(count, d, generator=draws, dtype=torch.float64) for d in (2, 3, 5)]
    return vectors, torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 3][:count])


def test_the_loss_is_what_loops_over_all_pairs_find_with_other_constants_too():
    vectors, labels = random_batch()
    for keys in ({}, {"steepness": 1.5, "boundary": 0.2, "negative_cost": 3, "shrinkage": 0.4, "negative_gamma": 1}):
        value = float(mean_of(vectors, labels, **keys))
        assert value == pytest.approx(by_loops(vectors, labels.tolist(), run_of(**keys)), rel=1e-9)


def test_one_group_is_the_plain_binomial_deviance():
    vectors, labels = random_batch()
    pairs, shares = BatchPairs.of(labels), pair_shares(labels, torch.float64)
    unit = vectors[0] / vectors[0].norm(dim=1, keepdim=True)
    first, second = torch.triu_indices(len(labels), len(labels), 1)
    u = signed_scores((unit @ unit.T)[first, second], pairs, run_of())
    plain = float(2 * (shares * torch.log1p(torch.exp(-u))).sum())
    assert float(mean_of(vectors[:1], labels)) == pytest.approx(plain, rel=1e-9)


def test_a_group_does_not_depend_on_later_ones_and_the_order_of_images_changes_nothing():
    vectors, labels = random_batch()
    whole, part = group_losses(vectors, labels, run_of()), group_losses(vectors[:2], labels, run_of())
    assert [float(group.value) for group in part] == [float(group.value) for group in whole[:2]]
    order = torch.tensor([4, 0, 8, 2, 6, 1, 7, 3, 5])
    shuffled = group_losses([group[order] for group in vectors], labels[order], run_of())
    for one, other in zip(whole, shuffled, strict=True):
        assert float(one.value) == pytest.approx(float(other.value), rel=1e-12)


def test_pairs_that_the_first_group_violates_weigh_more_in_the_second_than_those_it_solves():
    vectors, labels = random_batch()
    first, second, _ = group_losses(vectors, labels, run_of())
    for places in (BatchPairs.of(labels).positives, BatchPairs.of(labels).negatives):
        violated = first.scores[places] < 0
        assert violated.any()
        assert not violated.all()
        assert float(second.weights[places][violated].min()) > float(second.weights[places][~violated].max())


@pytest.mark.parametrize("boosting", ["simple", "eta", "own"])
def test_the_controls_keep_the_mean_weight_of_each_sign_in_each_group(boosting):
    vectors, labels = random_batch()
    pairs = BatchPairs.of(labels)
    draws = torch.Generator().manual_seed(0)
    found = {
        how: group_losses(vectors, labels, run_of(boosting=boosting, weighting=how), draws)
        for how in ("pairs", "mean", "permuted")
    }
    for own, mean, permuted in zip(*found.values(), strict=True):
        for places in (pairs.positives, pairs.negatives):
            assert float(mean.weights[places].std()) < 1e-12
            assert float(mean.weights[places].mean()) == pytest.approx(float(own.weights[places].mean()), rel=1e-9)
            assert torch.equal(permuted.weights[places].sort().values, own.weights[places].sort().values)
    assert not torch.equal(found["permuted"][2].weights, found["pairs"][2].weights)


def test_a_learner_of_its_own_weighs_its_pairs_by_its_own_score():
    vectors, labels = random_batch()
    (group,) = group_losses(vectors[:1], labels, run_of(groups=[1], boosting="own", shrinkage=1))
    negatives = BatchPairs.of(labels).negatives
    expected = torch.sigmoid(-(0.5 + group.scores))
    expected[negatives] *= 2
    assert torch.allclose(group.weights, expected)


@pytest.mark.parametrize("labels", [[0] * 5, [0, 1, 2, 3, 4], [0], [0, 0], [0, 0, 0, 1]])
@pytest.mark.parametrize("start", ["random", "equal", "zero"])
@pytest.mark.parametrize("weighting", ["pairs", "mean", "permuted"])
def test_degenerate_batches_have_finite_losses_and_gradients(labels, start, weighting):
    draws = torch.Generator().manual_seed(1)
    vectors = [torch.randn(len(labels), d, generator=draws) for d in (2, 3)]
    if start != "random":
        vectors = [torch.full_like(z, float(start == "equal")) for z in vectors]
    vectors = [z.requires_grad_() for z in vectors]
    value = mean_of(vectors, torch.tensor(labels), weighting=weighting)
    value.backward()
    assert math.isfinite(float(value.detach()))
    assert all(torch.isfinite(z.grad).all() for z in vectors)
