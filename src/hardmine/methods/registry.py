"""From a method's name to its class; others register theirs through the entry point group ``hardmine.methods``."""

from importlib import import_module
from importlib.metadata import entry_points

from .base import Method, Setup

__all__ = ["METHOD_CLASSES", "build_method", "method_class"]

_BASELINE = "hardmine.methods.baselines:Baseline"
METHOD_CLASSES = {
    "random": "hardmine.methods.baselines:RandomNetworkMethod",
    "contrastive": _BASELINE,
    "triplet": _BASELINE,
    "lifted": _BASELINE,
    "npair": _BASELINE,
    "angular": _BASELINE,
    "histogram": _BASELINE,
    "proxy-nca": _BASELINE,
    "softmax": _BASELINE,
    "margin": _BASELINE,
    "hdc": "hardmine.methods.hdc:HDCMethod",
    "schem": "hardmine.methods.schem:SchemMethod",
    "hdml": "hardmine.methods.hdml:HDMLMethod",
    "smart-mining": "hardmine.methods.smart_mining:SmartMiningMethod",
}


def method_class(name: str) -> type[Method]:
    """The class of a method, imported when it is needed."""
    if name in METHOD_CLASSES:
        module, _, attribute = METHOD_CLASSES[name].partition(":")
        return getattr(import_module(module), attribute)
    return next(iter(entry_points(group="hardmine.methods", name=name))).load()


def build_method(setup: Setup) -> Method:
    """The method of a setup, ready to train."""
    return method_class(setup.run.method)(setup)
