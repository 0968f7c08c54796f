"""Some keys of a section replaced, by their paths with dots."""

from collections.abc import Mapping
from typing import Any

__all__ = ["in_sections", "laid_over"]


def laid_over(section: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of nested settings with other values; keys that are not there come in.

    Args:
        section: JSON values.
        values: by path, as ``batch.classes``.
    """
    found = dict(section)
    for path, value in values.items():
        first, _, rest = path.partition(".")
        inner = found.get(first)
        found[first] = laid_over(inner if isinstance(inner, Mapping) else {}, {rest: value}) if rest else value
    return found


def in_sections(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Searched values by where they belong: the method's own, and those of training by their paths within it."""
    training = {key.removeprefix("training."): value for key, value in values.items() if key.startswith("training.")}
    return {key: value for key, value in values.items() if not key.startswith("training.")}, training
