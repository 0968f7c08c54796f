"""How layers start: as Caffe starts them, and Glorot's way."""

from typing import TypeVar

from torch import nn

__all__ = ["caffe_convolution", "caffe_linear", "glorot"]

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


def glorot(layer: Layer, factor: float = 1.0) -> Layer:
    """Start a layer with Glorot-uniform weights, times a factor, and zero biases."""
    nn.init.xavier_uniform_(layer.weight, gain=factor)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def caffe_linear(inputs: int, outputs: int) -> nn.Linear:
    """A fully connected layer: weights uniform within ±sqrt(3/inputs), biases 0."""
    layer = nn.Linear(inputs, outputs)
    bound = (3 / inputs) ** 0.5
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.zeros_(layer.bias)
    return layer


def caffe_convolution(inputs: int, outputs: int, edge: int, stride: int = 1) -> nn.Conv2d:
    """A convolution of odd edge, padded: weights uniform within ±sqrt(3 / (inputs·edge²)), biases 0.2."""
    layer = nn.Conv2d(inputs, outputs, edge, stride, edge // 2)
    assert layer.bias is not None
    bound = (3 / (inputs * edge * edge)) ** 0.5
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.constant_(layer.bias, 0.2)
    return layer
