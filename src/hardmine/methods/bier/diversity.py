"""Losses that make BIER's groups differ: small products of activations, or an adversary (A-BIER).

After the authors' code. Both see f_k = W_k·h without bias and without a gradient into the trunk.
"""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor, nn

from hardmine.backbones.layers import glorot

__all__ = ["Regressors", "activation_products", "adversarial_products", "norm_penalty", "reverse"]


def activation_products(views: Sequence[Tensor]) -> Tensor:
    """Sum over pairs of groups of the mean over n, p, q of (f_i,np · f_j,nq)², a scalar.

    The mean factorises into (1/(n·d_i·d_j)) · sum over n of |f_i,n|²·|f_j,n|².

    Args:
        views: f of the groups, float [n, d_k] each.
    """
    means = [view.square().mean(dim=1) for view in views]
    return torch.stack([(first * second).mean() for first, second in combinations(means, 2)]).sum()


def norm_penalty(matrix: Tensor, axis: str) -> Tensor:
    """Mean over the outputs, or the inputs, of (|their weights|² - 1)², a scalar.

    Args:
        matrix: W, float [outputs, inputs].
        axis: ``outputs`` or ``inputs``.
    """
    return (matrix.square().sum(dim=1 if axis == "outputs" else 0) - 1).square().mean()


def reverse(values: Tensor) -> Tensor:
    """The same values with minus their gradient."""
    return 2 * values.detach() - values


class Regressors(nn.Module):
    """For each pair of groups a regressor from the later to the earlier one: d_j to hidden units with ReLU to d_i.

    Trained with the network, and no part of it: an exported model has none.

    Args:
        sizes: dimensions of the groups.
        hidden: units of the hidden layer.
    """

    def __init__(self, sizes: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.places = list(combinations(range(len(sizes)), 2))
        self.parts = nn.ModuleList(
            nn.Sequential(glorot(nn.Linear(sizes[later], hidden)), nn.ReLU(), glorot(nn.Linear(hidden, sizes[earlier])))
            for earlier, later in self.places
        )

    def penalty(self) -> Tensor:
        """Sum over layers of the mean over inputs of (|weights|² - 1)², and of max(0, |b|² - 1); a scalar."""
        layers = [layer for layer in self.modules() if isinstance(layer, nn.Linear)]
        return torch.stack(
            [norm_penalty(layer.weight, "inputs") + (layer.bias.square().sum() - 1).clamp(min=0) for layer in layers]
        ).sum()


def adversarial_products(views: Sequence[Tensor], regressors: Regressors, reversed_views: bool = True) -> Tensor:
    """Minus the sum over pairs i < j of the mean over n, p of (f_i,np · g_ij(f_j)_np)², a scalar.

    Lowered by the regressors, which find what a later group tells of an earlier one; the groups get the reversed
    gradient, on both sides.

    Args:
        views: f of the groups, float [n, d_k] each.
        regressors: g.
        reversed_views: false for no gradient into the groups at all.
    """
    seen = [reverse(view) if reversed_views else view.detach() for view in views]
    products = [
        (seen[earlier] * regressor(seen[later])).square().mean()
        for (earlier, later), regressor in zip(regressors.places, regressors.parts, strict=True)
    ]
    return -torch.stack(products).sum()
