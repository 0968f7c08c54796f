"""One small model a network family."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Discriminator, SkipValidation, Tag, TypeAdapter

from hardmine.settings.base import overrides_of

from .base import BackboneSettings, WeightsFile
from .bvlc_googlenet import BVLCGoogLeNet
from .small_cnn import SmallCNN
from .timm import Timm
from .torchvision import Torchvision

__all__ = [
    "BACKBONES",
    "AnyBackbone",
    "BVLCGoogLeNet",
    "BackboneOverrides",
    "BackboneSettings",
    "SmallCNN",
    "Timm",
    "Torchvision",
    "WeightsFile",
    "backbone_from",
    "overridden",
    "weights_file",
]

BACKBONES: dict[str, type[BackboneSettings]] = {
    "small-cnn": SmallCNN,
    "bvlc-googlenet": BVLCGoogLeNet,
    "torchvision": Torchvision,
    "timm": Timm,
}


def _family(given: Any) -> str:
    """The family that a section is of; small-cnn where none is named."""
    if isinstance(given, BackboneSettings):
        return given.name
    return str(given.get("name", "small-cnn")) if isinstance(given, Mapping) else "small-cnn"


def _keys_and_values(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError("must hold keys and values")
    return dict(given)


if TYPE_CHECKING:
    AnyBackbone = BackboneSettings
    BackboneOverrides = dict[str, Any]
else:
    AnyBackbone = Annotated[
        Annotated[SmallCNN, Tag("small-cnn")]
        | Annotated[BVLCGoogLeNet, Tag("bvlc-googlenet")]
        | Annotated[Torchvision, Tag("torchvision")]
        | Annotated[Timm, Tag("timm")],
        Discriminator(_family),
    ]
    BackboneOverrides = Annotated[
        SkipValidation[
            overrides_of(SmallCNN) | overrides_of(BVLCGoogLeNet) | overrides_of(Torchvision) | overrides_of(Timm)
        ],
        BeforeValidator(_keys_and_values),
    ]
    """What a run may override; validated against the family it then has, by ``overridden``."""

_ADAPTER: TypeAdapter[BackboneSettings] = TypeAdapter(AnyBackbone)


def backbone_from(content: Mapping[str, Any]) -> BackboneSettings:
    """The settings of a network from their JSON form.

    Raises:
        pydantic.ValidationError: a key or value is not allowed.
    """
    return _ADAPTER.validate_python(dict(content))


def overridden(shared: BackboneSettings, changes: Mapping[str, Any]) -> BackboneSettings:
    """The plan's network with a run's keys; where these name another family, that family's defaults with them.

    Raises:
        pydantic.ValidationError: a key or value is not allowed in the family that results.
    """
    if changes.get("name", shared.name) != shared.name:
        return backbone_from(changes)
    chosen = {name: getattr(shared, name) for name in shared.model_fields_set}
    return backbone_from({"name": shared.name, **chosen, **changes})


def weights_file(settings: BackboneSettings) -> WeightsFile | None:
    """The published weights that a network starts from, or None."""
    return settings.weights_file
