"""From settings to the method they are of."""

from hardmine.settings.methods import METHODS

from .base import Method, Setup

__all__ = ["build_method", "method_class"]


def method_class(name: str) -> type[Method]:
    """The class of a method, imported when it is needed."""
    found: type[Method] = METHODS.implementation(name)
    return found


def build_method(setup: Setup) -> Method:
    """The method of a setup, ready to train."""
    return method_class(setup.run.method)(setup)
