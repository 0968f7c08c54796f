"""One small model a method; third parties register theirs through the entry point group ``hardmine.settings``."""

from importlib.metadata import entry_points

from .base import RunSettings
from .baselines import (
    Angular,
    Contrastive,
    Histogram,
    LiftedStructure,
    Margin,
    NormalisedSoftmax,
    NPair,
    ProxyNCA,
    RandomNetwork,
    Triplet,
)
from .hdc import HDC
from .hdml import HDML
from .schem import SCHEM
from .smart_mining import SmartMining

__all__ = ["METHODS", "RunSettings"]

METHODS: dict[str, type[RunSettings]] = {
    "random": RandomNetwork,
    "contrastive": Contrastive,
    "triplet": Triplet,
    "lifted": LiftedStructure,
    "npair": NPair,
    "angular": Angular,
    "histogram": Histogram,
    "proxy-nca": ProxyNCA,
    "softmax": NormalisedSoftmax,
    "margin": Margin,
    "hdc": HDC,
    "schem": SCHEM,
    "hdml": HDML,
    "smart-mining": SmartMining,
}

for _entry in entry_points(group="hardmine.settings"):
    METHODS[_entry.name] = _entry.load()
