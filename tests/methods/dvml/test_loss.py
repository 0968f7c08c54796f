"""DVML's losses: worked numbers by function, slopes, and where they are a loop's."""

import itertools
import math

import numpy as np
import oracles_synthesis as oracle
import pytest
import torch

from hardmine.methods.dvml.loss import divergence, metric_loss, reconstruction_loss, variations
from hardmine.methods.dvml.settings import DVML
from hardmine.methods.dvml.variation import Variation, batch_recall


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def close(found, expected):
    found = torch.as_tensor(found).detach().double()
    assert torch.allclose(found, tensor(expected), atol=1.1e-6, rtol=0), found


def test_v1_divergence_and_its_gradients():
    mean = tensor([[0.5, -0.2, 0.1], [0, 0.3, -0.4]]).requires_grad_()
    logs = tensor([[0, -0.5, 0.2], [-1, 0.1, 0]]).requires_grad_()
    each = divergence(mean, logs, 1.0)
    close(each.sum(dim=1), (0.213967, 0.311525))
    value = each.sum(dim=1).mean()
    close(value, 0.262746)
    to_mean, to_logs = torch.autograd.grad(value, (mean, logs))
    close(to_mean, (mean / 2).tolist())
    close(to_logs, [[0, -0.098367, 0.055351], [-0.158030, 0.026293, 0]])


@pytest.mark.parametrize(("sigma", "each"), [(2, 0.806853), (0.5, 0.318147), (0.1, 1.807585), (0.01, 4.105220)])
def test_v6_divergence_of_a_width_from_the_unit_prior(sigma, each):
    found = divergence(torch.zeros(1, 64, dtype=torch.float64), tensor([[2 * math.log(sigma)] * 64]), 1.0)
    close(found[0, 0], each)
    sums = {2: 51.638580, 0.5: 20.361420, 0.1: 115.685446, 0.01: 262.734092}
    close(found.sum(), sums[sigma])


def test_v6_divergence_from_a_prior_of_another_width():
    close(divergence(tensor([[0.1]]), tensor([[2 * math.log(0.2)]]), 0.5), [[0.516291]])


@pytest.mark.parametrize(("dimensions", "length"), [(64, 7.968812), (512, 22.616371)])
def test_v6_noise_of_unit_width_is_longer_than_an_embedding(dimensions, length):
    exact = math.sqrt(2) * math.exp(math.lgamma((dimensions + 1) / 2) - math.lgamma(dimensions / 2))
    assert exact == pytest.approx(length, abs=1e-6)
    noise = torch.randn(1, 4000, dimensions, generator=torch.Generator().manual_seed(0))
    zero = torch.zeros(4000, dimensions)
    found = variations(zero, zero, noise, "reparameterised").norm(dim=-1).mean()
    assert float(found) == pytest.approx(length, rel=3e-3)


def test_v5_equal_noise_spreads_the_violations_and_leaves_their_mean():
    run = DVML(method="dvml", base_loss="triplet", batch_size=3)
    rows, sigma = tensor([[0, 0], [1, 0], [0, 1.5]]), 0.5
    close(metric_loss(rows, run), 0.0)
    high = DVML(method="dvml", base_loss="triplet", batch_size=3, margin=101)
    close(metric_loss(rows, high), 99.75)
    losses, shifted = [], []
    zero = torch.zeros(3, 2, dtype=torch.float64)
    for signs in itertools.product((-1.0, 1.0), repeat=6):
        noise = tensor(signs).view(1, 3, 2)
        varied = rows + variations(zero, zero + 2 * math.log(sigma), noise, "reparameterised")[0]
        losses.append(float(metric_loss(varied, run)))
        shifted.append(float(metric_loss(varied, high)) - 100)
    assert np.mean(shifted) == pytest.approx(-0.25, abs=1e-9)
    assert np.mean(losses) == pytest.approx(0.957031, abs=1e-6)
    assert np.mean(np.array(losses) > 0) == pytest.approx(0.421875)


@pytest.mark.parametrize("scales", ["per-dimension", "sum"])
@pytest.mark.parametrize("norm", ["squared", "plain"])
def test_reconstruction_is_the_loops_and_its_gradient_the_slope(norm, scales):
    draws = torch.Generator().manual_seed(1)
    features = torch.randn(5, 3, generator=draws, dtype=torch.float64) * tensor([1, 4, 0.2])
    rebuilt = torch.randn(2, 5, 3, generator=draws, dtype=torch.float64)
    total, variances = 0.0, features.numpy().var(axis=0)
    for draw in rebuilt.numpy():
        for i in range(5):
            parts = [(features[i, k].item() - draw[i][k]) ** 2 for k in range(3)]
            if scales == "per-dimension":
                parts = [part / variances[k] / 3 for k, part in enumerate(parts)]
            total += sum(parts) if norm == "squared" else math.sqrt(sum(parts))
    close(reconstruction_loss(features, rebuilt, norm, scales), total / 10)
    entering = rebuilt.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda r: reconstruction_loss(features, r, norm, scales), (entering,))


@pytest.mark.parametrize("norm", ["squared", "plain"])
def test_reconstruction_leaves_out_dimensions_that_do_not_vary_and_is_finite_at_zero(norm):
    features = tensor([[0, 1], [0, 2], [0, 3]])
    rebuilt = (features + tensor([5, 0])).unsqueeze(0).requires_grad_()
    value = reconstruction_loss(features, rebuilt, norm, "per-dimension")
    assert float(value.detach()) == 0
    assert torch.isfinite(torch.autograd.grad(value, rebuilt)[0]).all()


def test_the_mean_of_a_batch_explains_nothing():
    features = torch.randn(40, 6, generator=torch.Generator().manual_seed(2)) * torch.arange(1, 7)
    rebuilt = features.mean(dim=0).expand(3, 40, 6)
    assert float(reconstruction_loss(features, rebuilt, "squared", "per-dimension")) == pytest.approx(1, rel=1e-5)


def test_variances_start_at_the_prior():
    part = Variation(16, 8, 0.1, 0.1)
    mean, logs = part(torch.randn(200, 16, generator=torch.Generator().manual_seed(3)))
    assert float((logs / 2).exp().mean().detach()) == pytest.approx(0.1, rel=0.05)
    assert float(divergence(mean, logs, 0.1).mean().detach()) < 2


def test_recall_within_a_batch_looks_at_the_nearest_other_image_by_angle():
    vectors = torch.tensor([[1, 0], [9, 1], [0, 1], [0.1, 1], [-1, -1], [1, 0.3]])
    assert float(batch_recall(vectors, torch.tensor([0, 0, 1, 1, 2, 2]))) == pytest.approx(4 / 6)


def test_the_loops_agree_on_random_batches():
    draws = np.random.default_rng(0)
    features, rows, mean, logs = draws.normal(size=(4, 6, 5)) + 0.1
    noise = draws.normal(size=(2, 6, 5))
    expected = oracle.dvml(features, rows, mean, logs, noise, 0.7, lambda varied: 2 * varied, {})
    tensors = [torch.from_numpy(part) for part in (features, rows, mean, logs, noise)]
    added = variations(tensors[2], tensors[3], tensors[4], "reparameterised")
    found = reconstruction_loss(tensors[0], 2 * (tensors[1] + added), "squared", "per-dimension")
    assert float(found) == pytest.approx(expected["reconstruction_loss"], rel=1e-9)
    assert float(divergence(tensors[2], tensors[3], 0.7).mean()) == pytest.approx(expected["kl_loss"], rel=1e-9)
