"""Torchvision's networks, cut into stages at their taps."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from hardmine.errors import UserError
from hardmine.settings.backbones import Torchvision

from .pixels import Rescale
from .pretrained import read_state
from .taps import Backbone, StagedBackbone, by_blocks

__all__ = ["TorchvisionBackbone", "TorchvisionTransformer", "build"]

IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""Mean and standard deviation of red, green and blue on the scale 0 to 255."""
HALVES = ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
"""What GoogLeNet was trained with; torchvision converts to it inside the model."""
LAST_LAYERS = {
    "densenet121": ("denseblock1", "denseblock2", "denseblock3", "relu5"),
    "mobilenet_v3_large": ("3", "6", "12", "16"),
    "efficientnet_b0": ("2", "3", "5", "8"),
    "efficientnet_v2_s": ("2", "3", "5", "7"),
    "convnext_tiny": ("1", "3", "5", "7"),
    "convnext_small": ("1", "3", "5", "7"),
    "swin_t": ("1", "3", "5", "norm"),
}
"""The layer each tap ends with, where it is not named like the tap."""


class TorchvisionBackbone(StagedBackbone):
    """A convolutional network, or Swin, without its classifier.

    Args:
        settings: of the backbone.
        channels: colour channels of an image.
        size: edge of an image in pixels.
    """

    def __init__(self, settings: Torchvision, channels: int, size: int) -> None:
        super().__init__()
        name = settings.architecture
        taps = settings.tap_names
        lasts = LAST_LAYERS.get(name, taps)
        layers = iter(_layers(name).items())
        for tap, last in zip(taps, lasts, strict=True):
            self.add_module(tap, nn.Sequential(OrderedDict(_until(layers, last))))
        self.places_first = name.startswith("swin")
        self.rescale = Rescale(*(HALVES if name == "googlenet" else IMAGENET))
        self._measure(taps, channels, size)

    def prepare(self, images: Tensor) -> Tensor:
        """Red, green, blue as in the network's training on ImageNet."""
        return self.rescale(images)

    def taps(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Feature maps of the asked taps; nothing deeper than the last of them is computed."""
        maps = super().taps(images, names)
        return {name: value.permute(0, 3, 1, 2) for name, value in maps.items()} if self.places_first else maps

    def stages_after(self, tap: str) -> list[nn.Module]:
        """As for all backbones; Swin's parts take maps with the channels last, which its taps do not give."""
        if self.places_first:
            raise UserError("backbone: swin cannot go on from the map of a tap. Choose a convolutional network.")
        return super().stages_after(tap)

    def published(self, path: Path) -> dict[str, Tensor]:
        """The official tensors ``layer`` or ``features.layer``, as ``stage.layer``."""
        state = read_state(path)
        found = {}
        for own in self.state_dict():
            layer = own.split(".", 1)[1]
            given = state.get(f"features.{layer}", state.get(layer))
            if given is not None:
                found[own] = given
        return found


class TorchvisionTransformer(Backbone):
    """ViT: maps of its patches behind the fourth and the eighth block, [D, h, w], and the class token, [D, 1, 1].

    Args:
        settings: of the backbone.
        channels: colour channels of an image.
        size: edge of an image in pixels; the position embeddings are for this size.
    """

    def __init__(self, settings: Torchvision, channels: int, size: int) -> None:
        super().__init__()
        from torchvision.models import get_model

        self.model = get_model(settings.architecture, weights=None, image_size=size)
        self.model.heads = nn.Identity()
        self.rescale = Rescale(*IMAGENET)
        self._measure(settings.tap_names, channels, size)

    def taps(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Maps of the patches, as blocks hand them on; the class token behind the last norm."""
        if list(names) == ["class_token"]:
            return {"class_token": self.model(self.rescale(images))[:, :, None, None]}
        tokens = self.model._process_input(self.rescale(images))
        edge = self.model.image_size // self.model.patch_size
        tokens = torch.cat([self.model.class_token.expand(len(tokens), -1, -1), tokens], dim=1)
        encoder, maps = self.model.encoder, {}
        tokens = encoder.dropout(tokens + encoder.pos_embedding)
        for number, block in enumerate(encoder.layers, start=1):
            tokens = block(tokens)
            if f"block{number}" in names:
                maps[f"block{number}"] = tokens[:, 1:].transpose(1, 2).unflatten(2, (edge, edge))
            if all(name in maps for name in names):
                return {name: maps[name] for name in names}
        maps["class_token"] = encoder.ln(tokens)[:, 0, :, None, None]
        return {name: maps[name] for name in names}

    def trim(self, deepest: str) -> None:
        """Remove the blocks behind a tap."""
        names = list(self.tap_shapes)
        if deepest == names[-1]:
            return
        for name in names[names.index(deepest) + 1 :]:
            del self.tap_shapes[name]
        self.model.encoder.layers = self.model.encoder.layers[: int(deepest.removeprefix("block"))]
        self.model.encoder.ln = nn.Identity()

    def layers(self) -> list[list[nn.Parameter]]:
        """Patches and positions, each block, the last with the norm."""
        return by_blocks(self.model, self.model.encoder.layers, ["encoder.ln"])

    def published(self, path: Path) -> dict[str, Tensor]:
        """The official tensors as ``model.name``, position embeddings interpolated to the image size."""
        from torchvision.models.vision_transformer import interpolate_embeddings

        state = read_state(path)
        if "encoder.pos_embedding" in state:
            patch = self.model.patch_size
            state = dict(interpolate_embeddings(self.model.image_size, patch, OrderedDict(state)))
        return {f"model.{name}": value for name, value in state.items()}


def build(settings: Torchvision, channels: int, size: int) -> Backbone:
    """The trunk of an architecture, with random weights."""
    kind = TorchvisionTransformer if settings.architecture.startswith("vit") else TorchvisionBackbone
    return kind(settings, channels, size)


def _layers(name: str) -> dict[str, nn.Module]:
    """A network's layers in the order they are applied, without the classifier."""
    from torchvision.models import get_model  # 2 s to import, and most networks need none of it

    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    model = get_model(name, weights=None, **options)
    if not hasattr(model, "features"):
        return dict(model.named_children())
    layers = dict(model.features.named_children())
    if name.startswith("densenet"):
        layers["relu5"] = nn.ReLU()
    if name.startswith("swin"):
        layers["norm"] = model.norm
    return layers


def _until(layers: Iterable[tuple[str, nn.Module]], last: str) -> Iterable[tuple[str, nn.Module]]:
    for name, layer in layers:
        yield name, layer
        if name == last:
            return
