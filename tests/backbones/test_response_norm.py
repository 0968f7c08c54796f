"""Local response normalisation against torch's own layer."""

import pytest
import torch
from torch import nn

from hardmine.backbones import response_norm
from hardmine.backbones.response_norm import ResponseNorm

torch.set_num_threads(1)


def both(features: torch.Tensor, outer: torch.Tensor, **options: float) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Outputs and gradients of ours and of torch's."""
    found = []
    for layer in (ResponseNorm(**options), nn.LocalResponseNorm(options.get("size", 5), options.get("alpha", 1e-4))):
        leaf = features.clone().requires_grad_()
        value = layer(leaf)
        value.backward(outer)
        found.append((value.detach(), leaf.grad))
    return found


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 64])
@pytest.mark.parametrize("piece", [8, 2**18])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_outputs_and_gradients_equal_torchs(channels, piece, memory, monkeypatch) -> None:
    monkeypatch.setattr(response_norm, "PIECE", piece)
    numbers = torch.Generator().manual_seed(0)
    features = (100 * torch.randn(3, channels, 7, 5, generator=numbers)).contiguous(memory_format=memory)
    outer = torch.randn(3, channels, 7, 5, generator=numbers)
    for ours, theirs in zip(*both(features, outer), strict=True):
        assert float((ours - theirs).abs().max()) < 1e-5 * float(theirs.abs().max())


def test_the_gradient_is_that_of_finite_differences() -> None:
    numbers = torch.Generator().manual_seed(1)
    features = torch.randn(2, 7, 2, 3, generator=numbers, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ResponseNorm(alpha=20.0), (features,))


def test_another_window_and_strength_are_followed() -> None:
    numbers = torch.Generator().manual_seed(2)
    features, outer = torch.randn(2, 2, 9, 4, 4, generator=numbers, dtype=torch.float64)
    for ours, theirs in zip(*both(features, outer, size=3, alpha=5.0), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-12)
    (ours, _), (weaker, _) = both(features, outer, size=3, alpha=5.0)[0], both(features, outer, size=3)[0]
    assert not torch.allclose(ours, weaker)


def test_sixteen_bit_numbers_lose_no_more_than_their_own_rounding() -> None:
    numbers = torch.Generator().manual_seed(3)
    features, outer = 100 * torch.randn(2, 2, 16, 6, 6, generator=numbers).bfloat16()
    leaf = features.clone().requires_grad_()
    value = ResponseNorm()(leaf)
    value.backward(outer)
    expected = both(features.float(), outer.float())[1]
    assert value.dtype == leaf.grad.dtype == torch.bfloat16
    for ours, theirs in zip((value, leaf.grad), expected, strict=True):
        assert torch.allclose(ours.detach().float(), theirs, rtol=2**-8, atol=1e-6)
