"""The contract of a backbone: named feature maps at several depths."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hardmine.errors import UserError, nearest

from .pretrained import fit

__all__ = ["Backbone", "StagedBackbone", "by_blocks"]


class Backbone(nn.Module):
    """A trunk that gives feature maps at named depths (taps), the last of them the deepest.

    Attributes:
        tap_shapes: for each tap, shallow to deep, its (channels, height, width) for the image size it was built for.
    """

    tap_shapes: dict[str, tuple[int, int, int]]
    _frozen = False

    @abstractmethod
    def taps(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Feature maps float [n, channels, height, width] of the asked taps, from one forward pass."""

    def trim(self, deepest: str) -> None:
        """Remove what lies deeper than a tap, so that no weight is left without a gradient."""
        names = list(self.tap_shapes)
        for name in names[names.index(deepest) + 1 :]:
            delattr(self, name)
            del self.tap_shapes[name]

    def up_to(self, images: Tensor, tap: str) -> Tensor:
        """The map of one tap, float [n, channels, height, width]; what lies deeper is not touched."""
        return self.taps(images, [tap])[tap]

    def stages_after(self, tap: str) -> list[nn.Module]:
        """What leads from a tap's map to the deepest one: the parts named like the taps behind it, in their order.

        Raises:
            UserError: there is no such tap, or the backbone has no such parts.
        """
        self.check_taps([tap])
        names = list(self.tap_shapes)
        stages = [getattr(self, name, None) for name in names[names.index(tap) + 1 :]]
        if any(stage is None for stage in stages):
            raise UserError(
                f"backbone: {type(self).__name__} cannot go on from the map of a tap. Choose small-cnn, bvlc-googlenet "
                "or a convolutional network of torchvision."
            )
        return [stage for stage in stages if stage is not None]

    @property
    def last_tap(self) -> str:
        """Name of the deepest tap."""
        return list(self.tap_shapes)[-1]

    def check_taps(self, names: Sequence[str]) -> None:
        """Raise ``UserError`` when a tap is asked for that the backbone does not have."""
        for name in names:
            if name not in self.tap_shapes:
                raise UserError(
                    f"backbone: {type(self).__name__} has no tap '{name}'{nearest(name, self.tap_shapes)}; "
                    f"it has {', '.join(self.tap_shapes)}."
                )

    def layers(self) -> list[list[nn.Parameter]]:
        """Its parameters by layer, shallow to deep, for rates that fall layer by layer."""
        return [list(self.parameters())]

    def new_head(self, features: int, dimensions: int) -> nn.Linear:
        """The layer from pooled features to an embedding, as the family starts its new layers."""
        return nn.Linear(features, dimensions)

    def published(self, path: Path) -> dict[str, Tensor]:
        """A file of published weights under the names of this network's state; may hold more than it has.

        Raises:
            UserError: the family has none, or the file is not of its kind.
        """
        raise UserError(f"{path}: {type(self).__name__} has no published weights. Set weights: none.")

    @torch.no_grad()
    def load_pretrained(self, path: Path) -> None:
        """Take published weights.

        Raises:
            UserError: the file cannot be read, or is of another network.
        """
        self.load_state_dict(fit(self.state_dict(), self.published(path), path))

    def freeze_batch_norm(self) -> None:
        """Keep running statistics, scales and shifts of all batch norms as they are from now on, in training too."""
        self._frozen = True
        for part in self._batch_norms():
            for name, value in list(part.named_parameters(recurse=False)):
                delattr(part, name)
                part.register_buffer(name, value.detach())
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode; frozen batch norms stay in the latter."""
        super().train(mode)
        for part in self._batch_norms() if self._frozen else ():
            part.training = False
        return self

    def _batch_norms(self) -> list[nn.Module]:
        return [part for part in self.modules() if isinstance(part, _BatchNorm)]

    @torch.no_grad()
    def _measure(self, names: Sequence[str], channels: int, size: int) -> None:
        """Find ``tap_shapes`` by a forward pass of one image."""
        self.tap_shapes = dict.fromkeys(names, (0, 0, 0))
        was_training = self.training
        self.eval()
        maps = self.taps(self._image(channels, size), names)
        self.tap_shapes = {name: (maps[name].shape[1], maps[name].shape[2], maps[name].shape[3]) for name in names}
        self.train(was_training)

    def _image(self, channels: int, size: int) -> Tensor:
        """A grey image to find things out with, float [1, channels, size, size]."""
        return torch.zeros(1, channels, size, size, device=next(self.parameters()).device)


def by_blocks(network: nn.Module, blocks: Iterable[nn.Module], last: Sequence[str]) -> list[list[nn.Parameter]]:
    """Parameters of a transformer by layer: what stands before its blocks, each block, the last with what follows.

    Args:
        network: the whole.
        blocks: shallow to deep.
        last: prefixes of the names of what follows the blocks.
    """
    layers = [list(block.parameters()) for block in blocks]
    known = {id(parameter) for layer in layers for parameter in layer}
    others = [(name, own) for name, own in network.named_parameters() if id(own) not in known]
    layers[-1] = [*layers[-1], *(own for name, own in others if name.startswith(tuple(last)))]
    return [[own for name, own in others if not name.startswith(tuple(last))], *layers]


class StagedBackbone(Backbone):
    """A trunk whose parts between taps are modules named like the taps, applied one after another.

    A published layer ``x`` inside the stage ``tap`` is stored as ``tap.x``.
    """

    def layers(self) -> list[list[nn.Parameter]]:
        """A layer a stage; what belongs to none goes with the first."""
        stages = [list(getattr(self, name).parameters()) for name in self.tap_shapes]
        known = {id(parameter) for stage in stages for parameter in stage}
        stages[0] = [*(own for own in self.parameters() if id(own) not in known), *stages[0]]
        return stages

    def prepare(self, images: Tensor) -> Tensor:
        """Images as batches hold them, float [n, 1 or 3, H, W], on the scale and with the channels the trunk takes."""
        return images

    def taps(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Feature maps of the asked taps; nothing deeper than the last of them is computed."""
        features, maps = self.prepare(images), {}
        for name in self.tap_shapes:
            features = maps[name] = getattr(self, name)(features)
            if all(asked in maps for asked in names):
                break
        return {name: maps[name] for name in names}
