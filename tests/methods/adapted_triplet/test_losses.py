"""Selection, its shift and the loss: worked numbers, loops, gradients, placebos, degenerate batches."""

import numpy as np
import pytest
import torch
from circle import at
from gradients import central_differences
from tiny import build

from hardmine.methods.adapted_triplet.selection import placebo_counts, select, times_chosen
from hardmine.methods.adapted_triplet.shift import centre_distance, selection_shift
from hardmine.methods.log import EpochLog

ROWS, LABELS = at(0, 20, 50, 70, 80, 120, 200, 210, 300), torch.arange(3).repeat_interleave(3)


def hard(rows=ROWS, labels=LABELS):
    return select(torch.cdist(rows, rows), labels, "hard", 0.2, torch.Generator())


def chosen(members="pn"):
    return times_chosen(hard(), 9, members)


def loss_of(rows=ROWS, labels=LABELS, log=None, **keys):
    """Through the function that training calls."""
    method = build({"method": "adapted-triplet", **keys})
    return method.loss_of(rows, labels, log or EpochLog())


def test_the_hardest_positives_and_negatives():  # A1
    triplets = hard()
    assert triplets.anchors.tolist() == list(range(9))
    assert triplets.positives.tolist() == [2, 2, 0, 5, 5, 3, 8, 8, 6]
    assert triplets.negatives.tolist() == [8, 3, 3, 2, 2, 2, 5, 5, 0]


@pytest.mark.parametrize(
    ("margin", "distance", "value"),
    [(0, "l2", 0.215654), (0.2, "l2", 0.354014), (0.5, "l2", 0.628512), (0.2, "squared", 0.514386)],
)
def test_the_triplet_loss(margin, distance, value):  # A2
    found = loss_of(margin=margin, distance=distance, weight=0)
    assert float(found) == pytest.approx(value, abs=5e-7)


def test_the_shift_of_each_class():  # A3
    assert chosen().tolist() == [2, 0, 5, 3, 0, 4, 1, 0, 3]
    found = selection_shift(ROWS, LABELS, chosen(), reduction="sum")
    assert found.gaps.tolist() == pytest.approx([0.212299, 0.147987, 0.598696], abs=5e-7)
    assert float(found.value) == pytest.approx(0.958983, abs=1e-6)
    assert float(selection_shift(ROWS, LABELS, chosen()).value) == pytest.approx(0.319661, abs=5e-7)


def test_the_whole_loss():  # A4
    assert float(loss_of(distance="l2", reduction="sum")) == pytest.approx(1.312996, abs=1e-6)
    # Margin 0 and weight 0.5 are what the third-party script trains with, its arguments being in another order.
    swapped = loss_of(distance="l2", reduction="sum", margin=0, weight=0.5, penalty_gradient=False)
    assert float(swapped) == pytest.approx(0.695145, abs=1e-6)


def test_the_gradient_of_the_shift():  # A5
    expected = [(0.026014, -0.039885), (0.182099, -0.279197), (-0.208113, 0.319082)]
    expected += [(-0.092902, -0.020966), (0.325156, 0.073381), (-0.232254, -0.052415)]
    expected += [(-0.080079, 0.023061), (-0.320316, 0.092242), (0.400395, -0.115303)]
    rows = ROWS.clone().requires_grad_()
    selection_shift(rows, LABELS, chosen(), reduction="sum").value.backward()
    for row, wanted in zip(rows.grad, expected, strict=True):
        assert row.tolist() == pytest.approx(wanted, abs=5e-7)
    for part in rows.grad.split(3):
        assert part.sum(dim=0).tolist() == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize("scope", ["class", "global"])
@pytest.mark.parametrize("norm", ["l2", "squared"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_gradients_are_those_of_central_differences(scope, norm, reduction):
    def value(rows):
        return selection_shift(rows, LABELS, chosen(), scope, norm, reduction).value

    rows = ROWS.clone().requires_grad_()
    value(rows).backward()
    assert torch.allclose(rows.grad, central_differences(value, ROWS), atol=1e-7)


def test_the_modes_of_the_shift():  # A6
    anchors = selection_shift(ROWS, LABELS, chosen("apn")).gaps
    assert anchors.tolist() == pytest.approx([0.148609, 0.103591, 0.342112], abs=5e-7)
    everything = selection_shift(ROWS, LABELS, chosen(), scope="global")
    assert float(everything.value) == pytest.approx(0.198020, abs=5e-7)
    squared = selection_shift(ROWS, LABELS, chosen(), norm="squared", reduction="sum")
    assert float(squared.value) == pytest.approx(0.045071 + 0.021900 + 0.358437, abs=2e-6)
    assert (squared.gaps.square()).tolist() == pytest.approx([0.045071, 0.021900, 0.358437], abs=5e-7)


def test_a_choice_of_everyone_shifts_nothing():  # A7
    rows = ROWS.clone().requires_grad_()
    found = selection_shift(rows, LABELS, torch.full((9,), 2.0))
    found.value.backward()
    assert float(found.value.detach()) == 0
    assert torch.equal(rows.grad, torch.zeros(9, 2, dtype=torch.float64))


def test_the_placebo_has_as_many_choices_and_the_shift_of_chance():  # A8
    counts = chosen()
    assert [float(part.sum()) for part in counts.split(3)] == [7, 7, 4]
    generator = torch.Generator().manual_seed(0)
    values, squares = [], []
    for _ in range(1200):
        drawn = placebo_counts(counts, LABELS, generator)
        assert [float(part.sum()) for part in drawn.split(3)] == [7, 7, 4]
        found = selection_shift(ROWS, LABELS, drawn, reduction="sum")
        values.append(float(found.value))
        squares.append(found.gaps.square())
    spread = torch.stack(squares).mean(dim=0).sqrt().tolist()
    assert spread == pytest.approx([0.132317, 0.138743, 0.348715], rel=0.06)
    assert np.mean(values) == pytest.approx(0.514, rel=0.03)
    assert 0.958983 / np.mean(values) == pytest.approx(1.9, abs=0.08)
    sigma = [float((part - part.mean(0)).square().sum(1).mean().sqrt()) for part in ROWS.split(3)]
    bound = [one / number**0.5 for one, number in zip(sigma, (7, 7, 4), strict=True)]
    assert bound == pytest.approx([0.132317, 0.138743, 0.348715], abs=5e-7)


def test_no_image_of_the_own_class_is_a_negative_and_a_lone_image_has_no_positive():  # A9
    rows, labels = torch.tensor([[0.0], [0], [1]]), torch.tensor([0, 0, 1])
    triplets = hard(rows, labels)
    assert triplets.anchors.tolist() == [0, 1]
    assert triplets.negatives.tolist() == [2, 2]
    assert times_chosen(triplets, 3).tolist() == [1, 1, 2]


def test_semi_hard_and_random_selection():
    distances = torch.cdist(ROWS, ROWS).square()
    semi = select(distances, LABELS, "semihard", 0.2, torch.Generator())
    gaps = distances[semi.anchors, semi.negatives] - distances[semi.anchors, semi.positives]
    assert len(semi)
    assert bool(((gaps > 0) & (gaps <= 0.2)).all())
    drawn = select(distances, LABELS, "random", 0.2, torch.Generator().manual_seed(0))
    assert len(drawn) == 18
    assert bool((LABELS[drawn.anchors] != LABELS[drawn.negatives]).all())


def test_the_centre_control_by_loops():
    means = [ROWS[label == LABELS].mean(dim=0) for label in range(3)]
    expected = np.mean([float((row - means[label]).norm()) for row, label in zip(ROWS, LABELS, strict=True)])
    assert float(centre_distance(ROWS, LABELS)) == pytest.approx(expected)
    log = EpochLog()
    found = loss_of(log=log, penalty="centre", weight=0.5)
    assert float(found) == pytest.approx(0.514386 + 0.5 * expected, abs=1e-6)
    assert log.means()["penalty"] == pytest.approx(expected)


def test_means_over_violating_triplets_are_larger():
    log = EpochLog()
    whole, violating = (float(loss_of(log=log, weight=0, triplet_mean=mean)) for mean in ("all", "violating"))
    assert violating == pytest.approx(whole / log.means()["violating"])


def test_what_is_logged():
    log = EpochLog()
    loss_of(ROWS.clone().requires_grad_(), log=log, distance="l2")
    means = log.means()
    assert means["never_chosen"] == pytest.approx(3 / 9)
    assert means["largest_share"] == pytest.approx(3 / 4)
    assert means["unchosen_classes"] == 0
    assert means["shift"] == pytest.approx(0.319661, abs=5e-7)
    assert means["penalty_gradient"] > 0
    assert means["triplet_gradient"] > 0


@pytest.mark.parametrize(
    "keys", [{}, {"selection": "semihard", "penalty": "placebo"}, {"selection": "random", "penalty": "centre"}], ids=str
)
@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (at(*[30] * 6), [0, 0, 1, 1, 2, 2]),
        (at(0, 10, 20, 30, 40, 50), [0] * 6),
        (at(0, 10, 20, 30, 40, 50), list(range(6))),
        (at(0, 0, 20, 30, 30, 50), [0, 0, 0, 1, 1, 2]),
    ],
    ids=["collapsed", "one class", "one image a class", "duplicates"],
)
def test_degenerate_batches_have_finite_losses_and_gradients(rows, labels, keys):
    rows = rows.clone().requires_grad_()
    value = loss_of(rows, torch.tensor(labels), **keys)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(rows.grad).all()
    if len(set(labels)) == 1 and keys.get("penalty") != "centre":
        assert float(value.detach()) == 0
