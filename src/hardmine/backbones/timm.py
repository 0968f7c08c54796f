"""Networks of timm, an optional package."""

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hardmine.errors import UserError, nearest
from hardmine.installing import extra
from hardmine.settings.backbones import Timm

from .pixels import Rescale
from .pretrained import read_safetensors
from .taps import Backbone, by_blocks

__all__ = ["TimmBackbone"]


class TimmBackbone(Backbone):
    """A network without its classifier.

    Networks with maps at several scales have the taps ``stage1``, ``stage2``, …, the last of them what the network
    hands to its classifier. All others end with ``pooled`` [D, 1, 1], their own pooling of the last features; before it
    transformers have two maps of their patches, behind a third and two thirds of their blocks (``block4`` and
    ``block8`` of twelve).

    Args:
        settings: of the backbone.
        channels: colour channels of an image.
        size: edge of an image in pixels.

    Raises:
        UserError: timm is not installed, or has no such network, or that network cannot take such images.
    """

    def __init__(self, settings: Timm, channels: int, size: int) -> None:
        super().__init__()
        timm = _timm()
        _check_name(timm, settings.architecture)
        fixed = timm.get_pretrained_cfg(settings.architecture).fixed_input_size
        try:
            model = timm.create_model(settings.architecture, num_classes=0, **({"img_size": size} if fixed else {}))
            self.model, self._shape = model, (channels, size)
            chosen = model.pretrained_cfg
            self.rescale = Rescale([255 * value for value in chosen["mean"]], [255 * value for value in chosen["std"]])
            self._measure(_tap_names(model), channels, size)
        except (RuntimeError, ValueError, AssertionError, TypeError, IndexError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"backbone.architecture: '{settings.architecture}' cannot be built for images of {size} pixels "
                f"({reason}). Choose another size or network."
            ) from None
        self._keep_what_is_used()

    def taps(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Feature maps of the asked taps."""
        images = self.rescale(images)
        have = list(self.tap_shapes)
        if have == ["pooled"]:
            vectors = self.model.forward_head(self.model.forward_features(images), pre_logits=True)
            return {"pooled": vectors.flatten(1)[:, :, None, None]}
        if any(name.startswith("block") for name in have):
            return self._of_blocks(images, names)
        last = f"stage{len(self.model.feature_info)}"
        if list(names) == [last]:
            return {last: self._channels_first(self.model.forward_features(images))}
        indices = [int(name.removeprefix("stage")) - 1 for name in names]
        if last in names:
            final, maps = self.model.forward_intermediates(images, indices=indices)
        else:
            maps = self.model.forward_intermediates(images, indices=indices, intermediates_only=True, stop_early=True)
        found = {f"stage{index + 1}": value for index, value in zip(sorted(indices), maps, strict=True)}
        return {name: self._channels_first(final) if name == last else found[name] for name in names}

    def _of_blocks(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Taps of a transformer."""
        blocks = {name: int(name.removeprefix("block")) - 1 for name in names if name != "pooled"}
        if "pooled" not in names:
            indices = sorted(blocks.values())
            found = self.model.forward_intermediates(images, indices=indices, intermediates_only=True, stop_early=True)
            maps = dict(zip(indices, found, strict=True))
            return {name: maps[index] for name, index in blocks.items()}
        final, found = self.model.forward_intermediates(images, indices=sorted(blocks.values()) or [0])
        maps = dict(zip(sorted(blocks.values()) or [0], found, strict=True))
        pooled = self.model.forward_head(final, pre_logits=True).flatten(1)[:, :, None, None]
        return {name: pooled if name == "pooled" else maps[blocks[name]] for name in names}

    def layers(self) -> list[list[nn.Parameter]]:
        """A transformer's by block; of all others one."""
        blocks = getattr(self.model, "blocks", None)
        if not isinstance(blocks, nn.Sequential | nn.ModuleList) or not self.last_tap.startswith(("pooled", "block")):
            return super().layers()
        return by_blocks(self.model, blocks, ["norm.", "fc_norm", "attn_pool", "head"])

    def trim(self, deepest: str) -> None:
        """Remove what lies deeper than a tap, as far as timm can; no weight is left without a gradient."""
        names = list(self.tap_shapes)
        beyond = names[names.index(deepest) + 1 :]
        if beyond:
            index = int(deepest.removeprefix("block")) - 1 if deepest.startswith("block") else names.index(deepest)
            self.model.prune_intermediate_layers([index], prune_norm=True, prune_head=True)
            for name in beyond:
                del self.tap_shapes[name]
            self._keep_what_is_used()

    def published(self, path: Path) -> dict[str, Tensor]:
        """The hub's tensors as ``model.name``, converted as timm does for this network and image size."""
        state: Any = read_safetensors(path)
        convert = getattr(sys.modules[type(self.model).__module__], "checkpoint_filter_fn", None)
        if convert:
            try:
                state = convert(state, self.model)
            except (KeyError, RuntimeError, ValueError, AttributeError) as error:
                raise UserError(f"{path}: are not the weights of this network ({error}).") from None
        return {f"model.{name}": value for name, value in state.items()}

    def _channels_first(self, features: Tensor) -> Tensor:
        """Some networks keep the channels last."""
        return features if features.shape[1] == self.model.num_features else features.permute(0, 3, 1, 2)

    @torch.enable_grad()
    def _keep_what_is_used(self) -> None:
        """Turn parameters that the deepest tap does not depend on into constants."""
        was_training = self.training
        self.eval()
        self.taps(self._image(*self._shape), [self.last_tap])[self.last_tap].sum().backward()
        for part in self.modules():
            for name, value in list(part.named_parameters(recurse=False)):
                if value.grad is None:
                    delattr(part, name)
                    part.register_buffer(name, value.detach())
                value.grad = None
        self.train(was_training)


def _tap_names(model: Any) -> tuple[str, ...]:
    """The taps of a network: its stages, or some of its blocks and the one vector that it ends with."""
    scales = [item["reduction"] for item in getattr(model, "feature_info", [])]
    rising = len(scales) > 1 and all(first < second for first, second in pairwise(scales))
    if rising and hasattr(model, "forward_intermediates"):
        return tuple(f"stage{number}" for number in range(1, len(scales) + 1))
    depth = len(getattr(model, "blocks", ()))
    if depth >= 3 and len(set(scales)) == 1 and hasattr(model, "forward_intermediates"):
        return (f"block{depth // 3}", f"block{2 * depth // 3}", "pooled")
    return ("pooled",)


def _check_name(timm: Any, name: str) -> None:
    base, _, tag = name.partition(".")
    known = timm.list_pretrained(f"{base}.*") if tag and timm.is_model(base) else timm.list_models()
    if name not in known and (tag or not timm.is_model(name)):
        raise UserError(
            f"backbone.architecture: timm {timm.__version__} has no '{name}'{nearest(name, known)}. timm.list_models() "
            "and timm.list_pretrained() in Python say what it has."
        )


def _timm() -> Any:
    try:
        import timm
    except ImportError:
        raise UserError(
            f"backbone.name: timm is an optional package and is not installed. Run: {extra('timm')}; or choose another "
            "backbone."
        ) from None
    return timm
