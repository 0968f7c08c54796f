"""Caffe's SGD against PyTorch's on one weight with gradient 1."""

import pytest
import torch

from hardmine.methods.hdc.caffe_sgd import CaffeSGD


def after(optimiser_class, rates):
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimiser = optimiser_class([weight], lr=rates[0], momentum=0.9, weight_decay=2e-4)
    for rate in rates:
        optimiser.param_groups[0]["lr"] = rate
        weight.grad = torch.ones_like(weight)
        optimiser.step()
    return round(weight.item(), 6)


@pytest.mark.parametrize(
    ("optimiser_class", "rates", "expected"),
    [
        (torch.optim.SGD, (0.01, 0.01, 0.01), 0.943889),
        (CaffeSGD, (0.01, 0.01, 0.01), 0.943889),
        (torch.optim.SGD, (0.01, 0.01, 0.001), 0.968284),
        (CaffeSGD, (0.01, 0.01, 0.001), 0.952891),
    ],
)
def test_t10_both_styles_end_where_the_worked_example_does(optimiser_class, rates, expected):
    assert after(optimiser_class, rates) == expected


def test_parameters_without_gradient_stay():
    weight = torch.nn.Parameter(torch.ones(2))
    optimiser = CaffeSGD([weight], lr=0.1)
    optimiser.step()
    assert torch.equal(weight, torch.ones(2))
