"""Which parameter learns at which rate, and which are decayed: one rule for every method."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torch import nn

from hardmine.backbones import EmbeddingNetwork
from hardmine.errors import UserError

if TYPE_CHECKING:
    from .base import Setup

__all__ = ["split_groups"]


def split_groups(groups: Iterable[dict[str, Any]], network: EmbeddingNetwork, setup: "Setup") -> list[dict[str, Any]]:
    """Groups of parameters, split where their parameters differ in rate or decay.

    Rates of the trunk, and of what a method has twice of it, are multiplied by ``backbone.trunk_rate`` and, from its
    last layer on down, by powers of ``training.layer_decay``; those of the network's other layers by
    ``training.head_rate``; parameters outside the network (proxies, class vectors) keep theirs. Parameters of one
    dimension (scales and shifts of norms, biases) are not decayed, unless ``training.decay_norms_and_biases``.

    Args:
        groups: with the keys ``params`` and ``lr``, and ``weight_decay`` where it differs from the optimiser's.
        network: whose parameters they are, or some of them.
        setup: of the method.

    Raises:
        UserError: rates shall fall from layer to layer of a trunk that has one.
    """
    training = setup.training
    trunks = [trunk.layers() for trunk in network.trunks]
    if training.layer_decay != 1 and any(len(layers) == 1 for layers in trunks):
        raise UserError(
            f"training.layer_decay: {setup.backbone.name} counts as one layer, so that nothing falls from layer to "
            "layer. Leave the key out; backbone.trunk_rate is the rate of the whole trunk."
        )
    factors = {
        id(parameter): setup.backbone.trunk_rate * training.layer_decay ** (len(layers) - 1 - depth)
        for layers in trunks
        for depth, layer in enumerate(layers)
        for parameter in layer
    }
    for copy, part in network.copies:
        pairs = zip(copy.parameters(), part.parameters(), strict=True)
        factors |= {id(own): factors[id(other)] for own, other in pairs}
    factors = {id(parameter): training.head_rate for parameter in network.parameters()} | factors
    split: list[dict[str, Any]] = []
    for group in groups:
        kinds: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for parameter in group["params"]:
            spared = training.weight_decay > 0 and parameter.ndim < 2 and not training.decay_norms_and_biases
            kinds.setdefault((factors.get(id(parameter), 1.0), spared), []).append(parameter)
        for (factor, spared), parameters in kinds.items():
            own = {**group, "params": parameters, "lr": group["lr"] * factor}
            split.append({**own, "weight_decay": 0.0} if spared else own)
    return split
