import pytest
import torch
from pytorch_metric_learning.losses import HistogramLoss
from torch import Tensor

from hardmine.methods.baselines.loss import Task, build_baseline_loss
from hardmine.methods.baselines.settings import Histogram

BINS = (2, 3, 7, 10, 37, 50, 100, 101, 333, 1000)
LABELS = torch.arange(8).repeat_interleave(2)


def histogram(embeddings: Tensor, bins: int, labels: Tensor = LABELS) -> Tensor:
    task = Task(8, 16, embeddings.shape[1], 1, torch.Generator())
    loss = build_baseline_loss(Histogram(method="histogram", bins=bins), task)
    return loss(embeddings, labels)[0]


@pytest.mark.parametrize("bins", BINS)
def test_histograms_take_a_picture_that_is_twice_in_a_batch(bins: int) -> None:
    generator = torch.Generator().manual_seed(0)
    above = 0
    for _ in range(50):
        rows = torch.nn.functional.normalize(torch.randn(8, 16, generator=generator)).repeat_interleave(2, 0)
        above += int(((rows @ rows.T) > 1).any())
        rows.requires_grad_()
        value = histogram(rows, bins)
        value.backward()
        assert 0 <= float(value.detach()) <= 1 + 1e-5
        assert rows.grad is not None
        assert torch.isfinite(rows.grad).all()
    assert above > 10


@pytest.mark.parametrize("bins", BINS)
def test_a_cosine_of_one_counts_in_the_last_bin_and_one_of_minus_one_in_the_first(bins: int) -> None:
    apart = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    labels = torch.tensor([0, 0, 1, 1])
    assert float(histogram(apart, bins, labels)) == pytest.approx(0, abs=1e-4)
    assert float(histogram(apart, bins, labels[[0, 2, 1, 3]])) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("bins", BINS)
def test_ordinary_batches_have_the_librarys_loss_and_gradient_bit_by_bit(bins: int) -> None:
    generator = torch.Generator().manual_seed(1)
    for spread in (3.0, 1.0, 0.1, 0.01):
        rows = torch.ones(16, 8) + spread * torch.randn(16, 8, generator=generator)
        ours, theirs = rows.clone().requires_grad_(), rows.clone().requires_grad_()
        value, expected = histogram(ours, bins), HistogramLoss(n_bins=bins)(theirs, LABELS)
        value.backward()
        expected.backward()
        assert torch.equal(value, expected)
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad)


def test_embeddings_that_are_no_numbers_give_a_loss_that_is_none() -> None:
    rows = torch.full((16, 4), torch.nan, requires_grad=True)
    value = histogram(rows, 100)
    value.backward()
    assert torch.isnan(value)
