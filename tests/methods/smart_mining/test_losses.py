"""The ratio triplet loss and the global loss, by their worked numbers and their gradients."""

import numpy as np
import pytest
import torch

from hardmine.methods.smart_mining.global_loss import GlobalLoss
from hardmine.methods.smart_mining.ratio_triplet import distances_of, ratio_triplet_loss, squared_distances


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("positive", "negative", "value"),
    [
        (0.5, 0.6, 0.142857),
        (0.5, 0.5, 0.285714),
        (0.3, 0.45, 0.100000),
        (1.0, 0.9, 0.250000),
        (0.5, 0.7, 0),
        (0.5, 0.8, 0),
    ],
)
def test_ratio_loss_has_the_worked_values(positive, negative, value):
    triplets = ratio_triplet_loss(tensor(positive), tensor(negative), 0.2)
    assert triplets.values.item() == pytest.approx(value, abs=5e-7)
    assert triplets.active.item() == (value > 0)


def test_ratio_loss_has_the_worked_slopes():
    positive, negative = tensor(0.5).requires_grad_(), tensor(0.6).requires_grad_()
    ratio_triplet_loss(positive, negative, 0.2).values.sum().backward()
    assert negative.grad.item() == pytest.approx(-1.428571, abs=5e-7)
    assert positive.grad.item() == pytest.approx(1.224490, abs=5e-7)


def test_identical_images_have_a_finite_slope():
    same = torch.ones(3, 4, requires_grad=True)
    q = squared_distances(same, same.detach())
    ratio_triplet_loss(distances_of(q), distances_of(q), 0.2).values.sum().backward()
    assert torch.isfinite(same.grad).all()


@pytest.mark.parametrize(
    ("negatives", "margin", "value", "negative_variance"),
    [
        ((1.2, 0.8, 2.0, 1.6), 0.01, 0.025000, 0.0125),
        ((1.2, 0.8, 2.0, 1.6), 0.4, 0.265000, 0.0125),
        ((0.4, 0.8, 1.0, 1.0), 0.01, 0.064250, 0.00375),
    ],
)
def test_global_loss_has_the_worked_values_with_the_biased_variance(negatives, margin, value, negative_variance):
    found = GlobalLoss(0.8, margin)(tensor(0.4, 0.8, 1.2, 1.6), tensor(*negatives))
    assert found.value.item() == pytest.approx(value, abs=5e-9)
    assert found.positive_mean.item() == pytest.approx(0.25, abs=1e-12)
    assert found.negative_mean.item() == pytest.approx(np.mean(negatives) / 4, abs=1e-12)
    assert found.positive_variance.item() == pytest.approx(0.0125, abs=1e-12)
    assert found.negative_variance.item() == pytest.approx(negative_variance, abs=1e-12)
    assert abs(found.positive_variance.item() - 0.016667) > 1e-3


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_global_gradient_is_the_closed_form(shift):
    draws = np.random.default_rng(3)
    a, p, n = draws.normal(size=(3, 3, 4))
    n = n + shift
    weight, margin, count = 0.8, 0.4, 3
    parts = [torch.tensor(part, requires_grad=True) for part in (a, p, n)]
    loss = GlobalLoss(weight, margin)(squared_distances(parts[0], parts[1]), squared_distances(parts[0], parts[2]))
    loss.value.backward()
    u, v = ((a - p) ** 2).sum(1) / 4, ((a - n) ** 2).sum(1) / 4
    hinge = float(u.mean() - v.mean() + margin > 0)
    near, far = (u - u.mean())[:, None] * (a - p), (v - v.mean())[:, None] * (a - n)
    pull = weight * hinge / (2 * count)
    closed = [(near + far) / count + pull * (n - p), -near / count - pull * (a - p), -far / count + pull * (a - n)]
    for part, expected in zip(parts, closed, strict=True):
        np.testing.assert_allclose(part.grad.numpy(), expected, atol=1e-6)


def test_mixed_batch_has_the_worked_values():
    positive, negative = tensor(0.25, 0.49, 0.16), tensor(0.36, 0.36, 0.64)
    triplets = ratio_triplet_loss(distances_of(positive), distances_of(negative), 0.2)
    np.testing.assert_allclose(triplets.values.numpy(), [0.142857, 0.333333, 0], atol=5e-7)
    assert triplets.values.mean().item() == pytest.approx(0.158730, abs=5e-7)
    assert triplets.active.double().mean().item() == pytest.approx(0.666667, abs=5e-7)
    whole = GlobalLoss(0.8, 0.01)(positive, negative).value
    assert whole.item() == pytest.approx(0.0023013889, abs=5e-11)
    assert (triplets.values.mean() + whole).item() == pytest.approx(0.161032, abs=5e-7)
    margin_form = (positive.sqrt() - negative.sqrt() + 0.2).clamp(min=0)
    np.testing.assert_allclose(margin_form.numpy(), [0.1, 0.3, 0], atol=1e-12)
    assert not np.allclose(margin_form.numpy(), triplets.values.numpy())


def test_running_means_follow_the_batches_and_keep_the_batch_gradient():
    running, batch = GlobalLoss(0.8, 0.4, "running", 0.9), GlobalLoss(0.8, 0.4)
    first, second = tensor(1.0, 2.0), tensor(2.0, 3.0)
    assert running(first, second).value == batch(first, second).value
    later = tensor(0.5, 0.7).requires_grad_()
    statistics = running(later, second)
    assert statistics.positive_mean.item() == pytest.approx(0.9 * 1.5 / 4 + 0.1 * 0.6 / 4)
    statistics.positive_mean.backward()
    np.testing.assert_allclose(later.grad.numpy(), [1 / 8, 1 / 8])
    other = GlobalLoss(0.8, 0.4, "running", 0.9)
    other.load_state_dict(running.state_dict())
    assert other(first, second).value == running(first, second).value


def test_a_batch_of_one_triplet_or_of_equal_images_is_finite():
    for q in (tensor(0.5), torch.zeros(4, dtype=torch.float64)):
        assert torch.isfinite(GlobalLoss(0.8, 0.01)(q, q).value)
