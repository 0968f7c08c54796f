"""The base of all settings models."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

__all__ = ["Settings", "overrides_of"]


class Settings(BaseModel):
    """Settings that refuse unknown keys and do not change once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def overrides_of(model: type[Settings]) -> type[Settings]:
    """A model with the same keys as ``model``, all optional, nested sections likewise: what a run may override."""
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, Settings):
            kind = overrides_of(kind)
        for constraint in field.metadata:
            kind = Annotated[kind, constraint]
        fields[name] = (kind | None, Field(None, description=field.description))
    return create_model(f"{model.__name__}Overrides", __base__=Settings, __doc__=model.__doc__, **fields)
