"""The base of all settings models."""

from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

__all__ = ["Settings", "overrides_of"]


class Settings(BaseModel):
    """Settings that refuse unknown keys and do not change once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

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
