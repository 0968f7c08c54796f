"""The spectral loss and whitening: worked numbers, explicit projectors, invariances, degenerate batches."""

import numpy as np
import pytest
import torch
from gradients import central_differences

from hardmine.methods.spectral.controls import scatter_ratio, within_trace
from hardmine.methods.spectral.projection import chance_of, floor_of, project, ridge_loss, ridge_of, spectral_loss
from hardmine.methods.spectral.whitening import whiten, whitening_of
from hardmine.retrieval.metrics import all_against_rest, rank_matches, retrieval_metrics

ROWS = torch.tensor([(1, 0), (2, 1), (0, 1), (1, 3), (-1, 1), (-2, 0)], dtype=torch.float64)
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


def value_of(rows, labels=LABELS, **keys):
    return float(project(torch.as_tensor(rows, dtype=torch.float64), torch.as_tensor(labels), **keys).value)


def through_training(rows, labels=LABELS, gradient="exact"):
    """Value and gradient as the method computes them."""
    rows = rows.clone().requires_grad_()
    value = spectral_loss(rows, project(rows, labels), gradient)
    value.backward()
    return float(value.detach()), rows.grad


def by_projectors(rows, labels):
    """k - tr(P_Y P_F) with both n x n matrices."""
    indicators = torch.nn.functional.one_hot(labels).double()
    indicators = indicators[:, indicators.sum(0) > 0]
    of_classes = indicators @ torch.diag(1 / indicators.sum(0)) @ indicators.T
    of_rows = rows @ torch.linalg.pinv(rows)
    return indicators.shape[1] - float(torch.trace(of_classes @ of_rows))


def test_the_loss_of_six_rows():  # S1
    assert through_training(ROWS)[0] == pytest.approx(1.301724, abs=5e-7)
    left = torch.linalg.svd(ROWS, full_matrices=False)[0]
    diagonal = (left @ left.T).diagonal().tolist()
    assert diagonal == pytest.approx([0.103448, 0.370690, 0.094828, 0.750000, 0.267241, 0.413793], abs=5e-7)
    assert by_projectors(ROWS, LABELS) == pytest.approx(1.301724, abs=5e-7)


def test_the_gradient_of_six_rows():  # S2
    expected = [(-0.079667, -0.074019), (0.033888, 0.001635), (-0.048157, -0.186534)]
    expected += [(-0.017241, 0.047414), (0.065993, 0.042658), (-0.047562, -0.032996)]
    _, gradient = through_training(ROWS)
    for row, wanted in zip(gradient, expected, strict=True):
        assert row.tolist() == pytest.approx(wanted, abs=5e-7)
    assert torch.allclose(gradient, central_differences(lambda rows: project(rows, LABELS).value, ROWS), atol=1e-7)
    assert torch.allclose(through_training(ROWS, gradient="released")[1], gradient / 2)
    assert (ROWS.T @ gradient).abs().max() < 1e-12
    after = ROWS - 0.1 * gradient
    assert torch.linalg.svdvals(ROWS).tolist() == pytest.approx([3.940955, 2.732924], abs=5e-7)
    assert torch.linalg.svdvals(after).tolist() == pytest.approx([3.941020, 2.732944], abs=5e-7)
    assert value_of(after) == pytest.approx(1.295534, abs=5e-7)


def test_the_loss_knows_no_axes_and_no_scale():  # S3
    assert value_of(ROWS @ torch.tensor([[3.0, 1], [-2, 5]], dtype=torch.float64)) == pytest.approx(1.301724, abs=5e-7)
    assert torch.allclose(through_training(2 * ROWS)[1], through_training(ROWS)[1] / 2)


def test_spare_directions_hide_spread_within_classes():  # S4
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    noise = torch.tensor([5.0, -3, 0, 2, 7, -9], dtype=torch.float64)
    rows = torch.cat([torch.nn.functional.one_hot(labels).double(), noise[:, None]], dim=1)
    assert value_of(rows, labels) == pytest.approx(0, abs=1e-12)
    assert torch.pdist(rows[:3]).tolist() == pytest.approx([8, 5, 3])


def test_a_batch_no_larger_than_the_dimensions_teaches_nothing():  # S5
    rows = torch.tensor([(1, 0, 2, 1), (0, 1, 1, 3), (2, 1, 0, 1), (1, 1, 1, 0)], dtype=torch.float64)
    value, gradient = through_training(rows, torch.tensor([0, 0, 1, 1]))
    assert value == pytest.approx(0, abs=1e-12)
    assert gradient.abs().max() < 1e-12


def test_fewer_dimensions_than_classes_have_a_floor():  # S6
    corners = torch.tensor([(1, 0), (0, 1), (1, 1)], dtype=torch.float64)
    assert value_of(corners[LABELS]) == pytest.approx(1)
    assert floor_of(3, 2) == 1


@pytest.mark.parametrize(
    ("shape", "chance", "floor", "mean"),
    [
        ((100, 25, 64), 9, 0, 8.85),
        ((100, 50, 64), 18, 0, 17.98),
        ((100, 25, 25), 18.75, 0, 18.73),
        ((100, 50, 32), 34, 18, 34.04),
        ((400, 100, 64), 84, 36, 83.97),
    ],
)
def test_chance_and_floor(shape, chance, floor, mean):  # S7; the means are of other draws than ours
    images, classes, dimensions = shape
    assert (chance_of(*shape), floor_of(classes, dimensions)) == (pytest.approx(chance), floor)
    draws = np.random.default_rng(0)
    labels = torch.arange(classes).repeat_interleave(images // classes)
    found = np.mean([value_of(draws.standard_normal((images, dimensions)), labels) for _ in range(20)])
    assert found == pytest.approx(mean, abs=0.4)
    assert found == pytest.approx(chance, abs=0.4)


def test_absent_classes_do_not_count():  # S8: the released code would say 2.301724
    value, gradient = through_training(ROWS, torch.tensor([0, 0, 1, 1, 3, 3]))
    assert value == pytest.approx(1.301724, abs=5e-7)
    assert torch.allclose(gradient, through_training(ROWS)[1])


@pytest.mark.parametrize(("e", "norm"), [(1.0, 0.225822), (0.01, 15.3943), (0.0001, 1539.34)])
def test_the_gradient_grows_as_a_direction_fades(e, norm):  # S9
    rows = torch.tensor([(1, e), (2, 0), (1, -e), (3, 2 * e), (1, e), (2, -e)], dtype=torch.float64)
    value, gradient = through_training(rows)
    assert value == pytest.approx(2.103704, abs=5e-7)
    assert float(gradient.norm()) == pytest.approx(norm, rel=5e-6)


def test_a_direction_below_the_cut_is_empty():
    rows = torch.tensor([(1, 0), (2, 1e-9), (0, 0), (1, -1e-9), (-1, 0), (-2, 0)], dtype=torch.float64)
    found = project(rows, LABELS)
    assert (found.rank, len(found.singular)) == (1, 2)
    assert float(found.gradient.norm()) < 1
    assert project(rows, LABELS, cut=1e-12).rank == 2


@pytest.mark.parametrize(
    ("ridge", "value", "first"), [(0.01, 1.303495, (-0.079841, -0.073837)), (1.0, 1.460714, (-0.092704, -0.059388))]
)
def test_the_ridge(ridge, value, first):  # S10
    rows = ROWS.clone().requires_grad_()
    found = ridge_loss(rows, LABELS, ridge)
    found.backward()
    assert float(found.detach()) == pytest.approx(value, abs=5e-7)
    assert rows.grad[0].tolist() == pytest.approx(first, abs=5e-7)
    assert torch.allclose(rows.grad, central_differences(lambda x: ridge_loss(x, LABELS, ridge), ROWS), atol=1e-7)
    assert ridge_of(ROWS, 0.1) == pytest.approx(0.1 * float(ROWS.square().sum()) / 2)


def test_the_centred_trace_is_that_of_discriminant_analysis():  # S11
    centred = ROWS - ROWS.mean(dim=0)
    means = torch.stack([centred[label == LABELS].mean(dim=0) for label in range(3)])
    between = sum(2 * torch.outer(mean, mean) for mean in means)
    whole = centred.T @ centred
    trace = float(torch.trace(torch.linalg.inv(whole) @ between))
    assert trace == pytest.approx(1.473214, abs=5e-7)
    assert 3 - value_of(centred) == pytest.approx(1.473214, abs=5e-7)
    assert trace == pytest.approx(2 - float(torch.trace(torch.linalg.inv(whole) @ (whole - between))))


def recall(rows, labels):
    ranks, lists = rank_matches(all_against_rest(rows.numpy().astype(np.float32), labels), 1)
    return retrieval_metrics(ranks, (1,))["recall@1"], lists.rows[:, 0].tolist()


def test_whitening_finds_a_weak_direction():  # S12
    rows = torch.tensor([(30, 1), (0, 1), (-27, 1), (29, -1), (0, -1), (-28, -1)], dtype=torch.float64)
    labels = np.array([0, 0, 0, 1, 1, 1])
    plain, nearest = recall(torch.nn.functional.normalize(rows, dim=1), labels)
    assert (plain, nearest) == (pytest.approx(1 / 3), [3, 2, 5, 0, 5, 2])
    white = whiten(rows, whitening_of(rows))
    assert recall(white, labels) == (1.0, [1, 2, 1, 4, 5, 4])
    assert (white[:1] @ white[1:].T)[0].tolist() == pytest.approx(
        [0.606108, -0.198395, 0.232218, -0.606108, -0.999417], abs=5e-7
    )


def test_whitened_rows_have_directions_of_one_strength():
    rows = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) @ torch.diag(torch.tensor([9.0, 1, 0.1, 3]))
    white = rows.double() @ whitening_of(rows)
    assert torch.allclose(white.T @ white / 50, torch.eye(4, dtype=torch.float64), atol=1e-9)


def test_whitening_of_rows_without_some_directions_is_finite():
    for rows in (torch.ones(5, 3), torch.zeros(5, 3), torch.eye(3)[[0, 0, 1]]):
        assert torch.isfinite(whiten(rows, whitening_of(rows))).all()


@pytest.mark.parametrize("labels", [[0] * 6, list(range(6)), [0, 0, 0, 1, 2, 2]], ids=str)
@pytest.mark.parametrize("rows", [ROWS, ROWS[[0, 0, 0, 1, 1, 1]], torch.ones(6, 2), torch.zeros(6, 2)])
def test_degenerate_batches_have_finite_losses_and_gradients(labels, rows):
    rows, labels = rows.double(), torch.tensor(labels)
    value, gradient = through_training(rows, labels)
    assert np.isfinite(value)
    assert torch.isfinite(gradient).all()
    assert value == pytest.approx(by_projectors(rows, labels), abs=1e-9)


def test_controls_by_loops():
    rows = torch.randn(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(4).repeat_interleave(3)
    within = sum(
        float((row - rows[labels == label].mean(0)).square().sum()) for row, label in zip(rows, labels, strict=True)
    )
    whole = sum(float((row - rows.mean(0)).square().sum()) for row in rows)
    assert float(within_trace(rows, labels)) == pytest.approx(within / whole)
    pairs = [(i, j, float((rows[i] - rows[j]).square().sum())) for i in range(12) for j in range(12) if i != j]
    same = [d for i, j, d in pairs if labels[i] == labels[j]]
    others = [d for i, j, d in pairs if labels[i] != labels[j]]
    assert scatter_ratio(rows, labels) == pytest.approx(np.mean(same) / np.mean(others))
    assert float(within_trace(torch.ones(6, 2), LABELS)) == 0
    assert scatter_ratio(rows[:3], labels[:3]) == 0
