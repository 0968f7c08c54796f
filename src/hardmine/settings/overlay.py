"""Some keys of a section replaced, by their paths with dots."""

from collections.abc import Mapping
from typing import Any

__all__ = ["laid_over"]


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
