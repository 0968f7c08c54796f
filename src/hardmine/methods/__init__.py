"""One folder a method, with all of its paper in it; ``base.py`` is the contract. Imports torch only when used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import Method, Setup
    from .log import Diagnostics, EpochLog
    from .registry import build_method, method_class

__all__ = ["Diagnostics", "EpochLog", "Method", "Setup", "build_method", "method_class"]

_HOMES = {
    "Method": "base",
    "Setup": "base",
    "Diagnostics": "log",
    "EpochLog": "log",
    "build_method": "registry",
    "method_class": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
