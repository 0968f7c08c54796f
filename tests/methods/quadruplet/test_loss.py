"""The quadruplet loss: worked numbers, loops, central differences, and what must not break it."""

import math

import pytest
import torch
from circle import at, close, differences, tangential
from torch import Tensor

from hardmine.methods.hinge import Hinge, hinge_loss
from hardmine.methods.quadruplet.loss import (
    Margins,
    adaptive_margins,
    hardest_pairs,
    shared_anchor,
    shared_nothing,
    unordered,
)
from hardmine.methods.quadruplet.metric import LearnedMetric, euclidean_squares
from hardmine.mining.pairs import triplet_masks

TUPLES = ((0.5, 0.4, 0.7), (0.3, 0.9, 0.6), (0.2, 0.8, 0.3))
ANGLES, LABELS = (0, 25, 40, 80, 120, 170, 200, 290), (0, 0, 1, 1, 2, 2, 3, 3)
FIXED = Margins(torch.tensor(1.0).double(), torch.tensor(0.5).double())


def three(scores: Tensor, margins: Margins) -> tuple[Hinge, Hinge]:
    """Both terms of the three worked tuples."""
    near, shared, apart = scores.square().T
    every = torch.ones(3, dtype=torch.bool)
    return hinge_loss(near, shared, every, margins.first, "sum"), hinge_loss(near, apart, every, margins.second, "sum")


def margins_of(scores: Tensor, gradient: bool = False) -> Margins:
    near, shared, apart = scores.square().T
    return adaptive_margins(near, torch.cat([shared, apart]), (1.0, 0.5), gradient)


CONSTANT = [[1, -0.8, 0], [0, 0, 0], [0.4, 0, -0.6]]


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [(False, CONSTANT), (True, [[0.5, -0.6, 0.35], [-0.3, 0.45, 0.3], [0.2, 0.4, -0.45]])],
)
def test_three_tuples_have_the_worked_margins_loss_and_gradients(gradient, expected):
    scores = torch.tensor(TUPLES, dtype=torch.float64, requires_grad=True)
    margins = margins_of(scores, gradient)
    close(torch.stack([margins.first, margins.second]), (0.298333, 0.149167))
    first, second = three(scores, margins)
    assert (int(first.violating), int(second.violating)) == (1, 1)
    close(first.value + second.value, 0.4875)
    (first.value + second.value).backward()
    close(scores.grad, expected)


def test_the_gradient_as_printed_is_that_of_constant_margins_but_for_one_over_the_tuples():
    scores = torch.tensor(TUPLES, dtype=torch.float64, requires_grad=True)
    first, second = three(scores, margins_of(scores))
    own = [torch.autograd.grad(term.value, scores, retain_graph=True)[0] for term in (first, second)]
    printed = []
    for tuples in (3, 3_000_000):
        factors = torch.tensor([1 - 1 / tuples, 1 - 0.75 / tuples, 1 - 0.75 / tuples]).double()
        weaker = torch.tensor([1 - 0.5 / tuples, 1 - 0.75 / tuples, 1 - 0.75 / tuples]).double()
        printed.append(own[0] * factors + own[1] * weaker)
    close(printed[0], [[0.666667, -0.6, 0], [0, 0, 0], [0.333333, 0, -0.45]])
    close(printed[1], CONSTANT)


def test_three_tuples_under_fixed_margins():
    first, second = three(torch.tensor(TUPLES, dtype=torch.float64), FIXED)
    close(first.value + second.value, 2.71)


def terms(
    squares: Tensor, labels: tuple, margins: Margins | None = None, mean: str = "violating", rows: Tensor | None = None
) -> tuple[Margins, Hinge, Hinge]:
    numbers = torch.tensor(labels)
    masks = triplet_masks(numbers, torch.arange(len(labels)) if rows is None else rows, len(labels))
    if margins is None:
        margins = adaptive_margins(squares[unordered(masks[0])], squares[unordered(masks[1])], (1.0, 0.5))
    first = shared_anchor(squares, *masks, margins.first, mean)
    return margins, first, shared_nothing(squares, *masks, numbers, margins.second, mean)


@pytest.mark.parametrize(
    ("margins", "found_margins", "violating", "values", "norm"),
    [
        (None, (0.380828, 0.190414), (24, 15), (0.278751, 0.301334), 1.022726),
        (FIXED, (1, 0.5), (48, 29), (0.619172, 0.381078), 0.919447),
    ],
    ids=["adaptive", "fixed"],
)
def test_a_batch_on_the_circle_has_the_worked_terms(margins, found_margins, violating, values, norm):
    vectors = at(*ANGLES, grad=True)
    found, first, second = terms(differences(vectors).square() / 4, LABELS, margins)
    close(torch.stack([found.first, found.second]), found_margins)
    assert (int(first.tuples), int(second.tuples)) == (48, 48)
    assert (int(first.violating), int(second.violating)) == violating
    close(torch.stack([first.value, second.value]), values)
    close(first.value + second.value, {24: 0.580085, 48: 1.000249}[violating[0]])
    (first.value + second.value).backward()
    close(vectors.grad.norm(), norm)
    trained = at(*ANGLES, grad=True)
    _, first, second = terms(euclidean_squares(trained), LABELS, margins)
    (first.value + second.value).backward()
    close(tangential(trained.grad, trained), tangential(vectors.grad, trained), 1e-12)


def test_triplets_whose_margin_is_taken_over_their_own_pairs_cancel_before_the_hinge():
    near, far = torch.tensor([0.25, 0.49]).double(), torch.tensor([0.36, 0.5625]).double()
    margin = adaptive_margins(near, far, (1.0, 0.5)).first
    close(margin, 0.09125)
    arguments = near - far + margin
    close(arguments, (-0.01875, 0.01875))
    close(arguments.sum(), 0.0)
    close(hinge_loss(near, far, torch.ones(2, dtype=torch.bool), margin, "sum").value, 0.01875)


def test_a_full_batch_has_662400_quadruplets():
    labels = tuple(n // 4 for n in range(100))
    vectors = torch.nn.functional.normalize(torch.randn(100, 8, generator=torch.Generator().manual_seed(0)))
    positives, negatives = triplet_masks(torch.tensor(labels), torch.arange(100), 100)
    _, first, second = terms(euclidean_squares(vectors), labels)
    assert len(unordered(positives)[0]) == 150
    assert len(unordered(negatives)[0]) == 4800
    assert (int(first.tuples), int(second.tuples), int(second.tuples) // 150) == (28_800, 662_400, 4416)


def test_a_learned_metric_scores_ordered_pairs_and_their_mean():
    metric = LearnedMetric(2, 3).double()
    weights = {
        "first.weight": [[0.5, -0.2, -0.6, 0.3], [-0.4, 0.7, 0.1, -0.5], [0.2, 0.1, 0.3, 0.4]],
        "first.bias": [0.1, 0.05, 0],
        "last.weight": [[0.3, -0.5, 0.8], [0.9, 0.6, -0.4]],
        "last.bias": [0.2, -0.1],
    }
    metric.load_state_dict({name: torch.tensor(value).double() for name, value in weights.items()})
    directed = metric.directed(at(0, 50))
    close(directed[0, 1], 0.294709)
    close(directed[1, 0], 0.393132)
    close(metric(at(0, 50))[0, 1], 0.343921)
    assert torch.equal(metric(at(0, 50)), metric(at(0, 50)).T)


def test_two_classes_have_no_quadruplets():
    _, first, second = terms(euclidean_squares(at(0, 25, 40, 80)), (0, 0, 1, 1))
    assert int(second.tuples) == 0
    assert float(second.value) == 0.0
    assert int(first.tuples) == 8


def test_adaptive_margins_scale_with_the_scores_and_fixed_ones_do_not():
    squares = differences(at(*ANGLES)).square() / 4
    scaled = terms(9 * squares, LABELS)
    for found, plain in zip(scaled[1:], terms(squares, LABELS)[1:], strict=True):
        close(found.value, 9 * plain.value, 1e-12)
    assert float(terms(9 * squares, LABELS, FIXED)[1].value) < 0.9 * 9 * float(terms(squares, LABELS, FIXED)[1].value)


def test_margins_are_never_below_zero_and_zero_without_pairs():
    far, near = torch.tensor([0.1, 0.2]), torch.tensor([0.5, 0.9])
    for pairs in ((near, far), (near[:0], far), (near, far[:0]), (near[:0], far[:0])):
        margins = adaptive_margins(*pairs, (1.0, 0.5))
        assert (float(margins.first), float(margins.second)) == (0.0, 0.0)


@pytest.mark.parametrize("mean", ["violating", "sum"])
@pytest.mark.parametrize("seed", range(3))
def test_terms_agree_with_plain_loops(seed, mean):
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.nn.functional.normalize(torch.randn(11, 3, generator=generator, dtype=torch.float64))
    labels, rows = torch.randint(0, 4, (11,), generator=generator), torch.randint(0, 8, (11,), generator=generator)
    labels = rows % 4
    g = [[(math.dist(a, b) / 2) ** 2 for b in vectors.tolist()] for a in vectors.tolist()]
    s, r, every = labels.tolist(), rows.tolist(), range(11)
    positive = [(i, j) for i in every for j in every if i < j and s[i] == s[j] and r[i] != r[j]]
    negative = [(i, j) for i in every for j in every if i < j and s[i] != s[j]]
    gap = sum(g[i][j] for i, j in negative) / len(negative) - sum(g[i][j] for i, j in positive) / len(positive)
    gap = max(gap, 0.0)
    both = [*positive, *((j, i) for i, j in positive)]
    first = [g[i][j] - g[i][k] + gap for i, j in both for k in every if s[k] != s[i]]
    apart = [(i, j, k, m) for i, j in positive for k, m in negative if s[i] not in (s[k], s[m])]
    second = [g[i][j] - g[k][m] + gap / 2 for i, j, k, m in apart]
    for found, values in zip(
        terms(euclidean_squares(vectors), tuple(s), None, mean, rows)[1:], (first, second), strict=True
    ):
        kept = [value for value in values if value > 0]
        expected = sum(kept) / (max(1, len(kept)) if mean == "violating" else 1)
        assert float(found.value) == pytest.approx(expected, abs=1e-9)
        assert (int(found.violating), int(found.tuples)) == (len(kept), len(values))


def test_the_hardest_pairs_of_a_batch_are_its_widest_and_its_closest():
    squares = euclidean_squares(at(*ANGLES))
    masks = triplet_masks(torch.tensor(LABELS), torch.arange(8), 8)
    found = hardest_pairs(squares, *masks, torch.tensor(0.1).double())
    widest, closest = (math.sin(math.radians(angle / 2)) ** 2 for angle in (90, 15))
    close(found.value, widest - closest + 0.1)
    assert (int(found.violating), int(found.tuples)) == (1, 1)
    alone = hardest_pairs(squares[:2, :2], *(mask[:2, :2] for mask in masks), torch.tensor(0.1))
    assert (float(alone.value), int(alone.tuples)) == (0.0, 0)


@pytest.mark.parametrize("gradient", [False, True])
def test_gradients_agree_with_central_differences(gradient):
    masks = triplet_masks(torch.tensor(LABELS), torch.arange(8), 8)

    def value(vectors: Tensor) -> Tensor:
        squares = euclidean_squares(vectors)
        near, far = squares[unordered(masks[0])], squares[unordered(masks[1])]
        margins = adaptive_margins(near, far, (1.0, 0.5), True)
        if not gradient:
            margins = Margins(torch.tensor(0.38).double(), torch.tensor(0.19).double())
        return terms(squares, LABELS, margins)[1].value + terms(squares, LABELS, margins)[2].value

    assert torch.autograd.gradcheck(value, at(*ANGLES, grad=True), eps=1e-6)


def test_a_collapsed_batch_has_finite_gradients():
    vectors = torch.ones(8, 3).div(math.sqrt(3)).requires_grad_()
    _, first, second = terms(euclidean_squares(vectors), LABELS)
    (first.value + second.value).backward()
    assert torch.isfinite(vectors.grad).all()
