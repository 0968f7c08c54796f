"""The base of all settings models."""

import ast
import inspect
import textwrap
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, create_model, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

__all__ = ["Settings", "overrides_of"]


class Settings(BaseModel):
    """Settings that refuse unknown keys and do not change once made.

    The strings below keys are their descriptions in the JSON schema. They are read from the source when a schema is
    made; pydantic's ``use_attribute_docstrings`` reads them at every start, for twice the time of all else here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    described_by: ClassVar[type["Settings"] | None] = None
    """The model whose source has the descriptions, where a model is made and not written."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        keys = handler.resolve_ref_schema(schema).get("properties", {})
        for model in (cls.described_by or cls).__mro__:
            if issubclass(model, Settings) and model is not Settings:
                for name, text in _descriptions(model).items():
                    if name in keys:
                        keys[name].setdefault("description", text)
        return schema

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, given: Any) -> Any:
        """Refuse true and false where a number or a text is meant; pydantic takes them for 1 and 0."""
        for key, value in given.items() if isinstance(given, dict) else ():
            field = cls.model_fields.get(key) if isinstance(key, str) else None
            found = [item for item in (value if isinstance(value, list | tuple) else [value]) if isinstance(item, bool)]
            if field is not None and found and not _takes_truth(field.annotation):
                word = str(found[0]).lower()
                raise ValueError(
                    f'{key}: {word} is a truth value, which has no meaning here; write a number or "{word}"'
                )
        return given

    def changed(self, *names: str) -> list[str]:
        """Those of the named keys that are not at their defaults, sorted."""
        fields = type(self).model_fields
        return sorted(name for name in names if getattr(self, name) != fields[name].default)


def _takes_truth(annotation: Any) -> bool:
    """Whether an annotation has a place for true and false."""
    return annotation in (bool, Any) or isinstance(annotation, bool) or any(map(_takes_truth, get_args(annotation)))


def _descriptions(model: type[Settings]) -> dict[str, str]:
    """The strings below the keys in a model's source, by key."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        key = field.target if isinstance(field, ast.AnnAssign) else None
        if isinstance(key, ast.Name) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[key.id] = inspect.cleandoc(str(below.value.value))
    return found


def overrides_of(model: type[Settings]) -> type[Settings]:
    """A model with the same keys as ``model``, all optional, nested sections likewise: what a run may override."""
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, Settings):
            kind = overrides_of(kind)
        for constraint in field.metadata:
            kind = Annotated[kind, constraint]
        fields[name] = (kind | None, None)
    made = create_model(f"{model.__name__}Overrides", __base__=Settings, __doc__=model.__doc__, **fields)
    made.described_by = model
    return made
