"""Points of the unit circle by their angle: what worked examples are made of."""

import torch
from torch import Tensor


def at(*degrees: float, grad: bool = False) -> Tensor:
    """Unit vectors in float64, [n, 2]."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    points = torch.stack([angle.cos(), angle.sin()], dim=1)
    return points.requires_grad_() if grad else points


def close(found: object, expected: object, digits: float = 6e-7) -> None:
    """Agreement to the printed digits."""
    found = torch.as_tensor(found, dtype=torch.float64).detach()
    expected = torch.as_tensor(expected, dtype=torch.float64)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert torch.allclose(found, expected, atol=digits, rtol=0), f"{found.tolist()} is not {expected.tolist()}"


def differences(vectors: Tensor) -> Tensor:
    """Distances |e_i - e_j| as a function of free vectors, [n, n].

    Worked gradients are by these; those by cosines differ along the vectors themselves, which normalising takes away.
    """
    return (vectors[:, None] - vectors[None]).pow(2).sum(dim=2).clamp(min=1e-12).sqrt()


def tangential(gradient: Tensor, vectors: Tensor) -> Tensor:
    """What is left of gradients where vectors of length 1 keep their length, [n, D]."""
    vectors = vectors.detach()
    return gradient - (gradient * vectors).sum(dim=1, keepdim=True) * vectors
