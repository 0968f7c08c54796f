"""From a configuration to its network, which takes no more memory than its file of weights accounts for."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from hardmine.backbones import EmbeddingNetwork
from hardmine.errors import UserError
from hardmine.methods import method_class
from hardmine.settings.backbones import backbone_from
from hardmine.settings.methods import run_from

from .config import ModelConfig
from .guard import reason_of
from .weights import Shapes, check_fit

__all__ = ["build_network"]

_ROOM = 2**26
"""Numbers that any network may have while it is built: published ones are built whole, then cut behind their tap."""
_FACTOR = 4
"""Numbers for each number of the file."""
_SIZED = frozenset(
    (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.eye, torch.triu_indices)
)
"""What makes tensors of a size that is given."""


def build_network(config: ModelConfig, source: Path, weights: Path, found: Shapes) -> EmbeddingNetwork:
    """The network of a configuration, with random weights, whose tensors are those of a file.

    Args:
        config: of the model.
        source: the file it comes from, for messages.
        weights: the file of weights, for messages.
        found: the shapes of its tensors.

    Raises:
        UserError: this installation does not know the method or the backbone, or the file is not of its network.
    """
    try:
        with _Bounded(_ROOM + _FACTOR * sum(map(math.prod, found.values()))):
            network = _built(config, source)
    except _TooLargeError:
        with torch.device("meta"):  # no memory is taken there
            check_fit(weights, found, _shapes(_built(config, source)))
        network = _built(config, source)
    check_fit(weights, found, _shapes(network))
    return network


class _TooLargeError(Exception):
    """More memory is asked for than a network of the file can need."""


class _Bounded(TorchFunctionMode):
    """Within, no more than ``most`` numbers are made in all; it is told before they are."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _SIZED:
            self.left -= _numbers(args or tuple(kwargs.values()))
            if self.left < 0:
                raise _TooLargeError
        return func(*args, **kwargs)


def _numbers(size: Sequence[Any]) -> int:
    """Numbers of a tensor of a size that is given as one sequence or as several edges."""
    edges = size[0] if isinstance(size[0], Sequence) else size
    return math.prod(edge for edge in edges if isinstance(edge, int))


def _shapes(network: EmbeddingNetwork) -> Shapes:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def _built(config: ModelConfig, source: Path) -> EmbeddingNetwork:
    try:
        settings, backbone = run_from(config.network.method), backbone_from(config.network.backbone)
    except (KeyError, ValueError) as error:
        raise UserError(f"{source}: network: this hardmine cannot build it: {reason_of(error)}.") from None
    prepared = config.preprocessing
    return method_class(settings.method).build_network(settings, backbone, prepared.channels, prepared.crop)
