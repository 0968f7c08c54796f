"""A published network as it is, without a layer of its own.

Named ``torchvision/<architecture>``, ``timm/<architecture>.<tag>`` or ``bvlc-googlenet``.
"""

import os
import re
from pathlib import Path

import torch
from pydantic import ValidationError

from hardmine.artefacts import digest
from hardmine.backbones import EmbeddingNetwork
from hardmine.errors import UserError
from hardmine.methods import method_class
from hardmine.search.config import ModelConfig, NetworkConfig, Preprocessing
from hardmine.search.guard import reason_of
from hardmine.search.model import EmbeddingModel
from hardmine.settings.backbones import BackboneSettings, backbone_from
from hardmine.settings.methods import run_from
from hardmine.training.device import prepare_device

__all__ = ["load_trunk", "names_trunk"]

_METHOD = {"method": "random", "head": "none"}
_PREPARED = Preprocessing(size=256, resize="short-side-crop", channels=3, upright=True, crop=224)
"""As ImageNet's networks are commonly tested."""


def names_trunk(name: str) -> bool:
    """Whether a name means a published network: such a form, and no folder of that name."""
    return bool(re.match(r"(torchvision|timm)/|bvlc-googlenet$", name)) and not os.path.isdir(name)


def load_trunk(name: str, weights: Path | None, device_name: str, threads: int) -> EmbeddingModel:
    """Load a published network for use; nothing is downloaded.

    Args:
        name: family and architecture, ``torchvision/resnet18``.
        weights: its file of weights; where a plan of this project would have put it unless given.
        device_name: as ``hardmine.load`` takes it.
        threads: likewise.

    Raises:
        UserError: the network is unknown, or its weights are not there or other ones than those published.
    """
    family, *architecture = name.split("/", 1)
    try:
        backbone = backbone_from({"name": family, **({"architecture": architecture[0]} if architecture else {})})
    except (ValidationError, ValueError) as error:
        raise UserError(f"{name}: is no network that hardmine knows: {reason_of(error)}.") from None
    path = _weights(name, backbone, weights)
    device = prepare_device(device_name, torch.get_num_threads())
    network: EmbeddingNetwork = method_class("random").build_network(
        run_from(_METHOD), backbone, _PREPARED.channels, _PREPARED.crop
    )
    network.load_pretrained(path)
    described = NetworkConfig(method=_METHOD, backbone=backbone.model_dump(mode="json"))
    config = ModelConfig(network=described, preprocessing=_PREPARED, weights=digest(path))
    return EmbeddingModel(network, config, device, threads)


def _weights(name: str, backbone: BackboneSettings, given: Path | None) -> Path:
    published = backbone.weights_file
    if published is None:
        raise UserError(f"{name}: has no published weights; as it is it would tell nothing apart.")
    path = given or Path(published.path)
    if not path.is_file():
        where = " ".join(published.urls) or "a mirror alone"
        raise UserError(
            f"{path}: the published weights of {name} are not there. Download them ({where}) and give the file with "
            "--weights; a plan with this backbone downloads them too."
        )
    if published.sha256 and not digest(path).startswith(published.sha256):
        raise UserError(f"{path}: is another file than the published {published.name} (SHA-256). Download it again.")
    return path
