"""What a network costs: its parameters, and its multiply-adds for one image."""

import torch
from torch import nn


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network: nn.Module, size: int = 32) -> int:
    """Of the convolutions and linear layers in one forward pass of one image; batch norms are not counted."""
    found = []

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        found.append(output.numel() * layer.weight[0].numel())

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, 1, size, size))
    for hook in hooks:
        hook.remove()
    return sum(found)
