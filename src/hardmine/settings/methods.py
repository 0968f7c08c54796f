"""The table of methods; each is a folder in ``hardmine.methods``, or in a package of somebody else's."""

from collections.abc import Mapping
from typing import Any

from hardmine.doors import Descriptor, Door

from .run import RunSettings

__all__ = ["METHODS", "run_from"]


def _folder(folder: str, settings: str, method: str, figures: str = "") -> Descriptor:
    """The descriptor of a folder with ``settings.py``, ``method.py`` and, where it draws itself, ``figures.py``."""
    home = f"hardmine.methods.{folder}"
    return Descriptor(f"{home}.settings:{settings}", f"{home}.method:{method}", figures and f"{home}.figures:{figures}")


METHODS = Door(
    "method",
    "hardmine.methods",
    {
        "random": _folder("baselines", "RandomNetwork", "RandomNetworkMethod"),
        "contrastive": _folder("baselines", "Contrastive", "Baseline"),
        "triplet": _folder("baselines", "Triplet", "Baseline"),
        "lifted": _folder("baselines", "LiftedStructure", "Baseline"),
        "npair": _folder("baselines", "NPair", "Baseline"),
        "angular": _folder("baselines", "Angular", "Baseline"),
        "histogram": _folder("baselines", "Histogram", "Baseline"),
        "proxy-nca": _folder("baselines", "ProxyNCA", "Baseline"),
        "softmax": _folder("baselines", "NormalisedSoftmax", "Baseline"),
        "margin": _folder("baselines", "Margin", "Baseline"),
        "multi-similarity": _folder("baselines", "MultiSimilarity", "Baseline"),
        "proxy-anchor": _folder("baselines", "ProxyAnchor", "Baseline"),
        "softtriple": _folder("baselines", "SoftTriple", "Baseline"),
        "circle": _folder("baselines", "Circle", "Baseline"),
        "supcon": _folder("baselines", "SupCon", "Baseline"),
        "arcface": _folder("baselines", "ArcFace", "Baseline"),
        "cosface": _folder("baselines", "CosFace", "Baseline"),
        "xbm": _folder("baselines", "CrossBatchMemory", "Baseline"),
        "hdc": _folder("hdc", "HDC", "HDCMethod", "FIGURES"),
        "schem": _folder("schem", "SCHEM", "SchemMethod", "FIGURES"),
        "hdml": _folder("hdml", "HDML", "HDMLMethod", "FIGURES"),
        "smart-mining": _folder("smart_mining", "SmartMining", "SmartMiningMethod", "FIGURES"),
        "bier": _folder("bier", "BIER", "BIERMethod", "FIGURES"),
        "abe": _folder("abe", "ABE", "ABEMethod", "FIGURES"),
        "dreml": _folder("dreml", "DREML", "DREMLMethod", "FIGURES"),
    },
)


def run_from(content: Mapping[str, Any]) -> RunSettings:
    """The settings of a method from their JSON form, as a job's settings or a model's configuration hold them.

    Raises:
        pydantic.ValidationError: a key or value is not allowed.
    """
    own = {key: value for key, value in content.items() if key != "revision"}
    settings: RunSettings = METHODS.settings(str(own["method"])).model_validate(own)
    return settings
