"""One small model a network family; from elsewhere through the entry point group ``hardmine.backbones``."""

import operator
from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from hardmine.doors import Descriptor, Door
from hardmine.settings.base import overrides_of
from hardmine.settings.by_name import ByName

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

_HERE, _NETWORKS = "hardmine.settings.backbones", "hardmine.backbones"
BACKBONES = Door(
    "backbone",
    "hardmine.backbones",
    {
        "small-cnn": Descriptor(f"{_HERE}:SmallCNN", f"{_NETWORKS}.small_cnn:build"),
        "bvlc-googlenet": Descriptor(f"{_HERE}:BVLCGoogLeNet", f"{_NETWORKS}.bvlc_googlenet:build"),
        "torchvision": Descriptor(f"{_HERE}:Torchvision", f"{_NETWORKS}.torchvision:build"),
        "timm": Descriptor(f"{_HERE}:Timm", f"{_NETWORKS}.timm:TimmBackbone"),
    },
)

_SECTION = ByName(BACKBONES, "name", default="small-cnn")


def _keys_and_values(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError("must hold keys and values")
    return dict(given)


class _OverridesSchema:
    """For editors: the keys of any family of this package, all optional."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        families = reduce(operator.or_, (overrides_of(BACKBONES.settings(name)) for name in BACKBONES.table))
        return handler(TypeAdapter(families).core_schema)


if TYPE_CHECKING:
    AnyBackbone = BackboneSettings
    BackboneOverrides = dict[str, Any]
else:
    AnyBackbone = Annotated[BackboneSettings, _SECTION]
    BackboneOverrides = Annotated[dict[str, Any], BeforeValidator(_keys_and_values), _OverridesSchema()]
    """What a run may override; validated against the family it then has, by ``overridden``."""


def backbone_from(content: Mapping[str, Any]) -> BackboneSettings:
    """The settings of a network from their JSON form.

    Raises:
        pydantic.ValidationError: a key or value is not allowed.
    """
    return _ADAPTER.validate_python(dict(content))


_ADAPTER: TypeAdapter[BackboneSettings] = TypeAdapter(AnyBackbone)


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
