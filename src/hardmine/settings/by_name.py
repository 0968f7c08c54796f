"""Sections of a plan whose keys depend on a name in them."""

import operator
from collections.abc import Mapping
from functools import reduce
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from hardmine.doors import Door

from .base import Settings

__all__ = ["ByName"]


class ByName:
    """Annotation of a section: validated by the model that a door has for the name in it.

    Only that model is imported, so that a package which cannot be imported fails the plans that use it and no others.

    Args:
        door: where names are looked up.
        key: the key that holds the name.
        default: the name where the key is missing; None where it must be there.
    """

    def __init__(self, door: Door, key: str, default: str | None = None) -> None:
        self.door, self.key, self.default = door, key, default

    def validate(self, given: Any) -> Settings:
        """The section as settings.

        Raises:
            pydantic.ValidationError: a key or value is not allowed.
            UserError: another package's settings cannot be imported.
        """
        if isinstance(given, Settings):
            return given
        if not isinstance(given, Mapping):
            raise PydanticKnownError("model_attributes_type")
        name = given.get(self.key, self.default)
        if name is None:
            raise PydanticCustomError("name_missing", "is missing")
        if str(name) not in self.door:
            raise PydanticCustomError("name_unknown", "is not known", {"name": str(name)})
        model: type[Settings] = self.door.settings(str(name))
        return model.model_validate(given)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda section, info: section.model_dump(mode=info.mode), info_arg=True
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        models = reduce(operator.or_, (self.door.settings(name) for name in self.door.table))
        union = Annotated[models, Field(discriminator=self.key)]  # type: ignore[valid-type]
        return handler(TypeAdapter(union).core_schema)
