"""The losses that make BIER's groups differ: worked numbers, loops, who gets which gradient."""

import pytest
import torch
from gradients import central_differences

from hardmine.methods.bier.diversity import (
    Regressors,
    activation_products,
    adversarial_products,
    norm_penalty,
    reverse,
)

FIRST = torch.tensor([[1, 2], [0.5, -1]], dtype=torch.float64)
SECOND = torch.tensor([[1, 0, 2], [-1, 1, 0.5]], dtype=torch.float64)


def test_tb7_the_activation_loss_and_its_gradient():
    first = FIRST.clone().requires_grad_()
    value = activation_products([first, SECOND])
    value.backward()
    assert float(value.detach()) == pytest.approx(2.317708, abs=1e-6)
    printed = torch.tensor([[0.833333, 1.666667], [0.1875, -0.375]], dtype=torch.float64)
    assert torch.allclose(first.grad, printed, atol=1e-6)


def test_the_activation_loss_of_three_groups_is_the_sum_over_pairs_by_loops():
    draws = torch.Generator().manual_seed(0)
    views = [torch.randn(4, d, generator=draws, dtype=torch.float64) for d in (2, 3, 5)]
    total = 0.0
    for i in range(3):
        for j in range(i + 1, 3):
            terms = [
                float(views[i][n, p] * views[j][n, q]) ** 2
                for n in range(4)
                for p in range(views[i].shape[1])
                for q in range(views[j].shape[1])
            ]
            total += sum(terms) / len(terms)
    assert float(activation_products(views)) == pytest.approx(total, rel=1e-9)


def test_tb8_penalties_over_outputs_and_over_inputs():
    matrix = torch.tensor([[1, 0, 0.5], [0.5, 0.5, -1]], dtype=torch.float64).T  # outputs first, as layers have them
    assert float(norm_penalty(matrix, "outputs")) == pytest.approx(0.229167, abs=1e-6)
    assert float(norm_penalty(matrix, "inputs")) == pytest.approx(0.156250, abs=1e-6)


def printed_example(reversed_views=True):
    regressors = Regressors((1, 2), 2).double()
    with torch.no_grad():
        hidden, _, out = regressors.parts[0]
        hidden.weight.copy_(torch.tensor([[1, -1], [0.5, 1]]).T)
        hidden.bias.copy_(torch.tensor([0.1, 0]))
        out.weight.copy_(torch.tensor([[1, -2]]))
        out.bias.fill_(0.2)
    earlier = torch.tensor([[1], [-2]], dtype=torch.float64, requires_grad=True)
    later = torch.tensor([[1, 2], [2, -1]], dtype=torch.float64, requires_grad=True)
    return adversarial_products([earlier, later], regressors, reversed_views), regressors, earlier, later


def test_tb9_the_adversary_the_gradients_of_its_regressor_and_of_the_groups():
    value, regressors, earlier, later = printed_example()
    value.backward()
    assert regressors.parts[0](later).flatten().tolist() == pytest.approx([0.3, 1.8])
    assert float(value.detach()) == pytest.approx(-6.525, abs=1e-6)
    assert regressors.parts[0][2].weight.grad.flatten().tolist() == pytest.approx([-12.15, -0.3], abs=1e-6)
    assert earlier.grad.flatten().tolist() == pytest.approx([0.09, -6.48], abs=1e-6)
    assert torch.allclose(later.grad, torch.tensor([[0.9, -0.45], [7.2, 3.6]], dtype=torch.float64), atol=1e-6)


def test_a_detached_adversary_learns_and_the_groups_hear_nothing_of_it():
    value, regressors, earlier, later = printed_example(reversed_views=False)
    value.backward()
    assert float(value.detach()) == pytest.approx(-6.525, abs=1e-6)
    assert regressors.parts[0][2].weight.grad.flatten().tolist() == pytest.approx([-12.15, -0.3], abs=1e-6)
    assert earlier.grad is None
    assert later.grad is None


def test_a_small_step_of_the_regressor_lowers_the_loss_and_one_of_the_groups_raises_it():
    def after(part, rate=1e-3):
        value, regressors, earlier, later = printed_example()
        value.backward()
        moved = list(regressors.parameters()) if part == "regressors" else [earlier, later]
        with torch.no_grad():
            for tensor in moved:
                tensor -= rate * tensor.grad
            return float(adversarial_products([earlier, later], regressors))

    assert after("regressors") < -6.525 < after("groups")


def test_reversal_keeps_the_values_and_turns_the_gradient():
    values = torch.randn(5, requires_grad=True)
    (reverse(values) * torch.arange(5)).sum().backward()
    assert torch.equal(reverse(values), values)
    assert torch.equal(values.grad, -torch.arange(5.0))


def test_the_regressors_penalty_is_per_layer_the_inputs_mean_and_the_bias_beyond_length_one():
    regressors = Regressors((2, 3, 4), 5).double()
    with torch.no_grad():
        for number, parameter in enumerate(regressors.parameters()):
            parameter.add_(0.1 * number)
    total = 0.0
    for name, parameter in regressors.named_parameters():
        if name.endswith("weight"):
            outputs, inputs = parameter.shape
            norms = [sum(float(parameter[o, i].detach()) ** 2 for o in range(outputs)) for i in range(inputs)]
            total += sum((norm - 1) ** 2 for norm in norms) / inputs
        else:
            total += max(0.0, float(parameter.detach().square().sum()) - 1)
    assert float(regressors.penalty().detach()) == pytest.approx(total, rel=1e-9)
    assert [(i, j) for i, j in regressors.places] == [(0, 1), (0, 2), (1, 2)]


def test_the_gradient_of_the_penalty_is_that_of_central_differences():
    matrix = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    for axis in ("outputs", "inputs"):
        (found,) = torch.autograd.grad(norm_penalty(matrix, axis), matrix)
        assert torch.allclose(found, central_differences(lambda m, axis=axis: norm_penalty(m, axis), matrix), atol=1e-6)
