"""HAP2S's loss: worked numbers, loops, central differences, and what must not break it."""

import math
import statistics

import pytest
import torch
from circle import at, close, differences, tangential
from torch import Tensor

from hardmine.methods.hap2s.loss import SetLoss, hap2s_loss, set_distance
from hardmine.methods.hap2s.settings import HAP2S
from hardmine.mining.pairs import pairwise_distances, triplet_masks

ANGLES, LABELS = (0, 20, 70, 50, 110, 160), (0, 0, 0, 1, 1, 1)


def settings(**keys: object) -> HAP2S:
    return HAP2S(method="hap2s", **keys)


KINDS = ("first", "P 10", "uniform", "last")
E5, P10, P2 = settings(sigma=0.5), settings(weighting="polynomial"), settings(weighting="polynomial", alpha=2)


def loss_of(
    vectors: Tensor, run: HAP2S, labels: tuple = LABELS, rows: Tensor | None = None, free: bool = False
) -> SetLoss:
    rows = torch.arange(len(labels)) if rows is None else rows
    masks = triplet_masks(torch.tensor(labels), rows, len(labels))
    distances = differences(vectors) if free else pairwise_distances(vectors, vectors, "euclidean")
    return hap2s_loss(distances, *masks, run, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("run", "near", "far", "value"),
    [
        (
            E5,
            (1.012760, 0.710916, 1.040435, 1.499072, 0.934499, 1.503539),
            (1.059707, 0.711305, 0.530320, 0.493931, 0.909350, 1.626756),
            0.428309,
        ),
        (
            P10,
            (1.139655, 0.824679, 1.092764, 1.600661, 0.952198, 1.616698),
            (0.845941, 0.517725, 0.351147, 0.362531, 0.684703, 1.435781),
            0.704804,
        ),
    ],
    ids=["E .5", "P 10"],
)
def test_set_distances_and_loss_are_those_of_the_worked_example(run, near, far, value):
    found = loss_of(at(*ANGLES), run)
    close(found.near.value, near)
    close(found.far.value, far)
    close(found.value, value)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ({"weighting": "polynomial", "alpha": 2}, 0.370416),
        ({"sigma": 1e9}, 0.221684),
        ({"weighting": "uniform"}, 0.221684),
        ({"sigma": 0.001}, 0.743405),
        ({"sigma": 0.5, "hinge": "soft"}, 0.833258),
    ],
    ids=str,
)
def test_the_loss_under_other_weights_is_the_worked_one(keys, value):
    close(loss_of(at(*ANGLES), settings(**keys)).value, value)


def test_a_small_sigma_is_batch_hard():
    vectors = at(*ANGLES)
    distances = pairwise_distances(vectors, vectors, "euclidean").tolist()
    terms = []
    for a in range(6):
        far = max(distances[a][p] for p in range(6) if p != a and LABELS[p] == LABELS[a])
        near = min(distances[a][n] for n in range(6) if LABELS[n] != LABELS[a])
        terms.append(max(0.0, far - near + 0.2))
    close(loss_of(vectors, settings(sigma=0.001)).value, sum(terms) / 6)


GRADIENTS = {
    True: [
        [0.106945, -0.088688],
        [-0.003194, 0.062587],
        [-0.427414, 0.209788],
        [0.446211, -0.179504],
        [0.120186, 0.064551],
        [-0.242734, -0.068734],
    ],
    False: [
        [0.007173, -0.098540],
        [-0.088046, 0.122977],
        [-0.382584, 0.192358],
        [0.408492, -0.161825],
        [0.194166, 0.046344],
        [-0.139202, -0.101314],
    ],
}


@pytest.mark.parametrize("differentiated", [True, False])
def test_gradients_are_those_of_the_worked_example(differentiated):
    vectors, trained = at(*ANGLES, grad=True), at(*ANGLES, grad=True)
    run = settings(sigma=0.5, weight_gradient=differentiated)
    loss_of(vectors, run, free=True).value.backward()
    close(vectors.grad, GRADIENTS[differentiated])
    loss_of(trained, run).value.backward()
    close(tangential(trained.grad, trained), tangential(vectors.grad, trained), 1e-12)


@pytest.mark.parametrize(
    ("keys", "norms"),
    [
        ({"sigma": 0.5}, (0.750671, 0.691775)),
        ({"weighting": "polynomial", "alpha": 10}, (0.545794, 0.577944)),
        ({"weighting": "polynomial", "alpha": 2}, (0.537623, 0.535321)),
    ],
    ids=["E .5", "P 10", "P 2"],
)
def test_gradient_norms_are_those_of_the_worked_example(keys, norms):
    for differentiated, norm in zip((True, False), norms, strict=True):
        vectors = at(*ANGLES, grad=True)
        loss_of(vectors, settings(**keys, weight_gradient=differentiated), free=True).value.backward()
        close(vectors.grad.norm(), norm)


@pytest.mark.parametrize(("run", "counts"), [(E5, (2, 7)), (P10, (5, 12)), (P2, (0, 5))], ids=["E .5", "P 10", "P 2"])
def test_pairs_pushed_the_wrong_way_are_counted(run, counts):
    found = loss_of(at(*ANGLES), run)
    assert (int((found.near.slopes < 0).sum()), int((found.far.slopes < 0).sum())) == counts
    constant = loss_of(at(*ANGLES), run.model_copy(update={"weight_gradient": False}))
    assert not (constant.near.slopes < 0).any()
    assert not (constant.far.slopes < 0).any()


NEAR, FAR = (0.2, 1.0), (0.5, 1.2, 1.4)


@pytest.mark.parametrize(
    ("run", "farther", "weights", "value", "slopes"),
    [
        (E5, True, (0.167982, 0.832018), 0.865615, (-0.055640, 1.055640)),
        (E5, False, (0.708268, 0.174657, 0.117076), 0.727628, (1.030710, 0.009651, -0.040361)),
        (P10, True, (0.006010, 0.993990), 0.995192, (-0.033817, 1.017886)),
        (P10, False, (0.999446, 0.000471, 0.000083), 0.500404, (1.004832, -0.002525, -0.000537)),
    ],
    ids=["E near", "E far", "P near", "P far"],
)
def test_weights_and_slopes_of_one_anchor_are_the_worked_ones(run, farther, weights, value, slopes):
    distances = torch.tensor([NEAR if farther else FAR], dtype=torch.float64, requires_grad=True)
    found = set_distance(distances, torch.ones_like(distances, dtype=torch.bool), run, farther)
    close(found.weights[0], weights)
    close(found.value[0], value)
    close(found.slopes[0], slopes)
    found.value.sum().backward()
    close(distances.grad[0], slopes)


@pytest.mark.parametrize(
    ("run", "third_party"),
    [(P10, 0.961239), (settings(sigma=0.05), 0.000071), (E5, 1.414213)],
    ids=["P 10", "E .05", "E .5"],
)
def test_a_sum_of_small_weights_does_not_shrink_the_set_distance(run, third_party):
    distances = torch.full((1, 96), math.sqrt(2), dtype=torch.float64)
    found = set_distance(distances, torch.ones(1, 96, dtype=torch.bool), run, False)
    close(found.value[0], 1.414214)
    power = -run.alpha * 2 * math.log1p(math.sqrt(2)) if run is P10 else -math.sqrt(2) / run.sigma
    total = 96 * math.exp(power)
    assert math.sqrt(2) * total / (total + 1e-6) == pytest.approx(third_party, abs=6e-7)


@pytest.mark.parametrize(
    ("keys", "value", "effective", "wrong"),
    [
        ({"sigma": 0.5}, 1.321627, 90.725486, 0),
        ({"sigma": 0.2}, 1.279702, 68.243932, 13),
        ({"sigma": 0.1}, 1.214453, 29.495666, 59),
        ({"sigma": 0.05}, 1.120054, 5.678728, 90),
        ({"weighting": "polynomial", "alpha": 2}, 1.325551, 92.010871, 0),
        ({"weighting": "polynomial", "alpha": 10}, 1.227666, 35.025058, 50),
        ({"weighting": "polynomial", "alpha": 40}, 1.060284, 1.645207, 95),
    ],
    ids=str,
)
def test_how_many_negatives_count_is_as_worked_out(keys, value, effective, wrong):
    normal = statistics.NormalDist(1.35, 0.12)
    distances = torch.tensor([[normal.inv_cdf((k + 0.5) / 96) for k in range(96)]], dtype=torch.float64)
    found = set_distance(distances, torch.ones(1, 96, dtype=torch.bool), settings(**keys), False)
    close(found.value[0], value)
    close(found.effective[0], effective)
    assert int((found.slopes < 0).sum()) == wrong


def test_constant_exponential_weights_have_the_gradient_of_log_sum_exp():
    first, second = at(*ANGLES, grad=True), at(*ANGLES, grad=True)
    loss_of(first, settings(sigma=0.5, weight_gradient=False)).value.backward()
    distances = pairwise_distances(second, second, "euclidean")
    total = torch.zeros((), dtype=torch.float64)
    for a in range(6):
        same = torch.tensor([p != a and LABELS[p] == LABELS[a] for p in range(6)])
        other = torch.tensor([LABELS[n] != LABELS[a] for n in range(6)])
        total = total + 0.5 * (distances[a][same] / 0.5).logsumexp(0) + 0.5 * (-distances[a][other] / 0.5).logsumexp(0)
    (total / 6).backward()
    close(first.grad, second.grad, 1e-12)


@pytest.mark.parametrize("run", [E5, P10, settings(weighting="uniform"), settings(hinge="soft", sigma=0.5)], ids=KINDS)
def test_the_loss_agrees_with_plain_loops(run):
    vectors = torch.nn.functional.normalize(torch.randn(12, 4, generator=torch.Generator().manual_seed(3)).double())
    labels, rows = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 1, 0], [0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10]
    terms = []
    for a in range(12):
        sets = {True: [], False: []}
        for other in range(12):
            d = math.dist(vectors[a].tolist(), vectors[other].tolist())
            if labels[other] != labels[a]:
                sets[False].append(d)
            elif rows[other] != rows[a]:
                sets[True].append(d)
        if not sets[True] or not sets[False]:
            continue
        means = {}
        for positive, ds in sets.items():
            weight = {
                "exponential": lambda d, s=(1 if positive else -1): math.exp(s * d / run.sigma),
                "polynomial": lambda d, s=(1 if positive else -2): (1 + d) ** (s * run.alpha),
                "uniform": lambda d: 1.0,
            }[run.weighting]
            means[positive] = sum(weight(d) * d for d in ds) / sum(weight(d) for d in ds)
        gap = means[True] - means[False]
        terms.append(math.log1p(math.exp(gap)) if run.hinge == "soft" else max(0.0, gap + run.margin))
    assert len(terms) == 11
    assert float(loss_of(vectors, run, tuple(labels), torch.tensor(rows)).value) == pytest.approx(
        sum(terms) / 11, abs=1e-9
    )


@pytest.mark.parametrize("run", [settings(), P10, settings(hinge="soft")], ids=["E .1", "P 10", "soft"])
def test_gradients_agree_with_central_differences(run):
    assert torch.autograd.gradcheck(lambda vectors: loss_of(vectors, run).value, at(*ANGLES, grad=True), eps=1e-6)


def test_an_anchor_without_positive_or_negative_drops_out_of_the_mean():
    vectors = at(0, 20, 70, 50, grad=True)
    found = loss_of(vectors, E5, (0, 0, 1, 2))
    assert len(found.near.value) == 2
    for labels in ((0, 0, 0, 0), (0, 1, 2, 3)):
        vectors = at(0, 20, 70, 50, grad=True)
        found = loss_of(vectors, E5, labels)
        found.value.backward()
        assert float(found.value.detach()) == 0.0
        assert torch.equal(vectors.grad, torch.zeros_like(vectors))


def test_the_order_of_the_batch_plays_no_part():
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    labels = tuple(torch.tensor(LABELS)[order].tolist())
    close(loss_of(at(*ANGLES)[order], E5, labels).value, loss_of(at(*ANGLES), E5).value.item(), 1e-12)


@pytest.mark.parametrize("run", [settings(), P10, settings(weighting="uniform"), settings(sigma=1e-3)], ids=KINDS)
def test_a_collapsed_batch_has_finite_gradients(run):
    vectors = torch.ones(6, 3).div(math.sqrt(3)).requires_grad_()
    found = loss_of(vectors, run)
    found.value.backward()
    assert float(found.value.detach()) == pytest.approx(0.2, abs=1e-3)
    assert torch.isfinite(vectors.grad).all()


def test_permuted_weights_are_the_same_numbers_dealt_to_other_members():
    vectors = torch.nn.functional.normalize(torch.randn(40, 8, generator=torch.Generator().manual_seed(0)))
    labels = tuple(n // 4 for n in range(40))
    own = loss_of(vectors, settings(weight_gradient=False), labels)
    dealt = loss_of(vectors, settings(weight_gradient=False, order="permuted"), labels)
    for side in ("near", "far"):
        first, second = getattr(own, side).weights, getattr(dealt, side).weights
        assert torch.equal((first > 0), (second > 0))
        assert torch.equal(first.sort(dim=1).values, second.sort(dim=1).values)
        assert not torch.equal(first, second)
    assert float(own.far.value.mean()) < float(dealt.far.value.mean()) - 0.05
