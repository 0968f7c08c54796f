"""One file a method: wires backbone, mining, losses and optimisers into a training step."""

from .base import Method, Setup
from .registry import build_method, method_class

__all__ = ["Method", "Setup", "build_method", "method_class"]
