"""Facility location as a method: the loss and its gradient, its controls, poor batches, resuming."""

import numpy as np
import pytest
import torch
from circle import at
from gradients import central_differences
from pydantic import ValidationError
from resuming import assert_resumes
from tiny import advance, build

from hardmine.errors import UserError
from hardmine.methods.facility_location.loss import contrastive_push, distances_of, facility_bracket
from hardmine.methods.facility_location.settings import FacilityLocation
from hardmine.methods.log import EpochLog

NINE, NINE_LABELS = at(0, 20, 70, 80, 100, 190, 200, 260, 50), torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 1])


def method_of(**keys):
    return build({"method": "facility-location", **keys})


def loss_of(rows, labels, log=None, **keys):
    """Through the function that training calls; γ on the sum over images."""
    keys = {"reduction": "sum", **keys}
    keys["gamma"] = keys.get("gamma", 1.0) / len(rows)
    labels = torch.as_tensor(labels)
    return method_of(**keys).loss_of(distances_of(rows, keys.get("distance", "l2")), labels, log or EpochLog())


def six():
    return torch.tensor([0.0, 1, 4, 6, 9, 10], dtype=torch.float64)[:, None]


@pytest.mark.parametrize(
    ("gamma", "keys", "value"),
    [(0, {}, 0), (2, {}, 0), (10, {}, 3.208612), (2, {"warm": False}, 0), (10, {"refine_rounds": 0}, 3.208612)],
)
def test_losses_on_a_line(gamma, keys, value):  # F2
    assert float(loss_of(six(), [0, 0, 0, 1, 1, 1], gamma=gamma, **keys)) == pytest.approx(value, abs=5e-7)


@pytest.mark.parametrize(
    ("gamma", "keys", "value"),
    [
        (1, {"warm": False}, 0.884792),
        (1, {}, 1.057178),
        (9, {"warm": False}, 3.562957),
        (9, {"warm": False, "distance": "squared", "refine_rounds": 0}, 3.419177),
        (9, {"warm": False, "distance": "squared"}, 4.160321),
    ],
)
def test_losses_on_a_circle(gamma, keys, value):  # F5
    assert float(loss_of(NINE, NINE_LABELS, gamma=gamma, **keys)) == pytest.approx(value, abs=5e-7)


def test_the_negative_bracket_of_a_cold_search_is_an_idle_hinge():  # F4
    rows, labels = torch.tensor([2.0, 6, 8, 11, 13, 14, 15], dtype=torch.float64)[:, None], [0, 1, 1, 2, 2, 2, 2]
    log = EpochLog()
    assert float(loss_of(rows, labels, log, gamma=0.5, warm=False)) == 0
    assert log.means()["bracket"] == pytest.approx(-0.848540, abs=5e-7)
    assert log.means()["bracket_negative"] == 1
    log = EpochLog()
    assert float(loss_of(rows, labels, log, gamma=0.5)) == pytest.approx(0, abs=1e-12)
    assert log.means()["warm_gain"] * 7 == pytest.approx(0.848540, abs=5e-7)


def gradient_of(rows, owners, class_owners):
    rows = rows.clone().requires_grad_()

    def value(points):
        return facility_bracket(distances_of(points), torch.tensor(owners), torch.tensor(class_owners), 9.0, 0.5)

    value(rows).backward()
    return rows.grad, value


def test_gradient_on_a_line():  # F2: S = {0, 3}
    found, _ = gradient_of(six(), [0, 0, 3, 3, 3, 3], [1, 1, 1, 4, 4, 4])
    assert found[:, 0].tolist() == pytest.approx([0, -1, 2, 0, -1, 0])


def test_gradient_on_a_circle():  # F6: S = {0, 1, 4}
    medoids = [0, 1, 4]
    distances = distances_of(NINE)
    owners = [row if row in medoids else min(medoids, key=lambda m, row=row: distances[row, m]) for row in range(9)]
    found, value = gradient_of(NINE, owners, [1, 1, 1, 3, 3, 6, 6, 6, 3])
    expected = {0: (-0.592396, -1.627595), 2: (-1.703301, 0.794263), 7: (1.532089, 0)}
    for row, gradient in expected.items():
        assert found[row].tolist() == pytest.approx(gradient, abs=5e-7)
    assert found.sum(dim=0).tolist() == pytest.approx([0, 0], abs=1e-9)
    assert torch.allclose(found, central_differences(value, NINE), atol=1e-7)


def test_a_collapsed_batch_has_a_loss_and_no_gradient():  # F7
    rows = at(*[30] * 6).requires_grad_()
    value = loss_of(rows, [0, 0, 1, 1, 2, 2], gamma=1.0)
    value.backward()
    assert float(value.detach()) == pytest.approx(0.584682, abs=5e-7)
    assert torch.equal(rows.grad, torch.zeros(6, 2))


@pytest.mark.parametrize("labels", [[0] * 6, list(range(6))], ids=["one class", "one image a class"])
@pytest.mark.parametrize("keys", [{}, {"medoids": "random"}, {"distance": "squared"}], ids=str)
def test_batches_without_anything_to_tell_apart_have_no_loss(labels, keys):  # F9
    rows = at(0, 20, 70, 80, 100, 190).requires_grad_()
    value = loss_of(rows, labels, gamma=5.0, **keys)
    value.backward()
    assert float(value.detach()) == pytest.approx(0, abs=1e-12)
    assert torch.isfinite(rows.grad).all()


def test_the_mean_is_the_sum_over_the_images_and_gamma_counts_for_each():
    total = float(loss_of(NINE, NINE_LABELS, gamma=9.0))
    method = method_of(gamma=1.0)
    assert float(method.loss_of(distances_of(NINE), NINE_LABELS, EpochLog())) == pytest.approx(total / 9)


def test_gamma_falls_by_epochs():
    method = method_of(gamma=1.0, gamma_decay=0.5)
    values = []
    for epoch in range(3):
        method.step_number = epoch * method.steps_per_epoch
        log = EpochLog()
        method.loss_of(distances_of(at(*[30] * 6)), torch.tensor([0, 0, 1, 1, 2, 2]), log)
        values.append(log.means()["bracket"])
    assert values == pytest.approx([0.584682 * factor for factor in (1, 0.5, 0.25)], abs=1e-6)


def test_embeddings_that_are_no_numbers_are_named():
    with pytest.raises(UserError, match="'distance' became nan"):
        method_of().loss_of(torch.full((6, 6), torch.nan), torch.arange(6) // 2, EpochLog())


def test_random_medoids_are_drawn_anew_and_worse():
    method, labels = method_of(medoids="random"), torch.arange(4).repeat_interleave(4)
    rows = torch.nn.functional.normalize(torch.randn(16, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    searched = EpochLog()
    method_of().loss_of(distances_of(rows), labels, searched)
    drawn = []
    for _ in range(20):
        log = EpochLog()
        method.loss_of(distances_of(rows), labels, log)
        drawn.append(log.means()["bracket"])
        assert "evaluations" not in log.means()
    assert len(set(drawn)) > 10
    assert max(drawn) <= searched.means()["bracket"]


def test_a_contrastive_push_by_loops():
    distances = distances_of(NINE)
    terms = [1 - float(distances[i, j]) for i in range(9) for j in range(9) if NINE_LABELS[i] != NINE_LABELS[j]]
    active = [term for term in terms if term > 0]
    assert float(contrastive_push(distances, NINE_LABELS, 1.0)) == pytest.approx(np.mean(active))
    log = EpochLog()
    found = method_of(push="contrastive").loss_of(distances, NINE_LABELS, log)
    assert float(found) == pytest.approx(3.231779 / 9 + np.mean(active), abs=1e-6)
    assert log.means()["pull"] == pytest.approx(3.231779 / 9, abs=1e-6)


RUNS = [
    {"medoids": "random"},
    {"push": "contrastive"},
    {"distance": "squared", "reduction": "sum", "gamma_decay": 0.9},
    {"margin": "zero-one", "warm": False},
]


@pytest.mark.parametrize("keys", RUNS, ids=str)
def test_a_resumed_run_goes_on_bit_for_bit(keys):
    assert_resumes({"method": "facility-location", **keys}, (4, 5))


def test_training_lowers_the_loss():
    method = build({"method": "facility-location"}, learning_rate=0.003, images=6400)
    first = advance(method, 8).means()["loss"]
    advance(method, 24)
    assert advance(method, 8).means()["loss"] < first


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"medoids": "random", "warm": False}, "medoids: random is not searched"),
        ({"push": "contrastive", "gamma": 2}, "push: contrastive uses no medoids"),
        ({"margin": "zero-one", "gamma": 0}, "margin has no effect"),
        ({"gamma": -1}, "greater than or equal to 0"),
        ({"margin": "ami"}, "'nmi', 'zero-one' or 'constant'"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        FacilityLocation(method="facility-location", **keys)


def test_a_control_with_random_medoids_takes_what_was_found_for_the_method() -> None:
    control = FacilityLocation(**{**FacilityLocation(method="facility-location").model_dump(), "medoids": "random"})
    assert control.changed("medoids", "warm") == ["medoids"]
