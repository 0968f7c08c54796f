"""The table of methods; each is a folder in ``hardmine.methods``, or in a package of somebody else's."""

from collections.abc import Mapping
from typing import Any

from hardmine.doors import Descriptor, Door

from .run import RunSettings

__all__ = ["METHODS", "run_from"]


def _folder(folder: str, settings: str, method: str, search: str = "", figures: str = "") -> Descriptor:
    """The descriptor of a folder with ``settings.py``, ``method.py`` and, where it has them, the other two files."""
    home = f"hardmine.methods.{folder}"
    return Descriptor(
        settings=f"{home}.settings:{settings}",
        implementation=f"{home}.method:{method}",
        figures=figures and f"{home}.figures:{figures}",
        search=search and f"{home}.search:{search}",
    )


METHODS = Door(
    "method",
    "hardmine.methods",
    {
        "random": _folder("baselines", "RandomNetwork", "RandomNetworkMethod"),
        "contrastive": _folder("baselines", "Contrastive", "Baseline", "BaselineSearch"),
        "triplet": _folder("baselines", "Triplet", "Baseline", "BaselineSearch"),
        "lifted": _folder("baselines", "LiftedStructure", "Baseline", "BaselineSearch"),
        "npair": _folder("baselines", "NPair", "Baseline", "BaselineSearch"),
        "angular": _folder("baselines", "Angular", "Baseline", "BaselineSearch"),
        "histogram": _folder("baselines", "Histogram", "Baseline", "BaselineSearch"),
        "proxy-nca": _folder("baselines", "ProxyNCA", "Baseline", "BaselineSearch"),
        "softmax": _folder("baselines", "NormalisedSoftmax", "Baseline", "BaselineSearch"),
        "margin": _folder("baselines", "Margin", "Baseline", "BaselineSearch"),
        "multi-similarity": _folder("baselines", "MultiSimilarity", "Baseline", "BaselineSearch"),
        "proxy-anchor": _folder("baselines", "ProxyAnchor", "Baseline", "BaselineSearch"),
        "softtriple": _folder("baselines", "SoftTriple", "Baseline", "BaselineSearch"),
        "circle": _folder("baselines", "Circle", "Baseline", "BaselineSearch"),
        "supcon": _folder("baselines", "SupCon", "Baseline", "BaselineSearch"),
        "arcface": _folder("baselines", "ArcFace", "Baseline", "BaselineSearch"),
        "cosface": _folder("baselines", "CosFace", "Baseline", "BaselineSearch"),
        "xbm": _folder("baselines", "CrossBatchMemory", "Baseline", "BaselineSearch"),
        "hdc": _folder("hdc", "HDC", "HDCMethod", "HDCSearch", "FIGURES"),
        "schem": _folder("schem", "SCHEM", "SchemMethod", "SchemSearch", "FIGURES"),
        "hdml": _folder("hdml", "HDML", "HDMLMethod", "HDMLSearch", "FIGURES"),
        "smart-mining": _folder("smart_mining", "SmartMining", "SmartMiningMethod", "SmartMiningSearch", "FIGURES"),
        "htl": _folder("htl", "HTL", "HTLMethod", "HTLSearch", "FIGURES"),
        "facility-location": _folder(
            "facility_location", "FacilityLocation", "FacilityLocationMethod", "FacilityLocationSearch", "FIGURES"
        ),
        "spectral": _folder("spectral", "Spectral", "SpectralMethod", "SpectralSearch", "FIGURES"),
        "adapted-triplet": _folder(
            "adapted_triplet", "AdaptedTriplet", "AdaptedTripletMethod", "AdaptedTripletSearch", "FIGURES"
        ),
        "hap2s": _folder("hap2s", "HAP2S", "HAP2SMethod", "HAP2SSearch", "FIGURES"),
        "quadruplet": _folder("quadruplet", "Quadruplet", "QuadrupletMethod", "QuadrupletSearch", "FIGURES"),
        "pddm": _folder("pddm", "PDDM", "PDDMMethod", "PDDMSearch", "FIGURES"),
        "ccl": _folder("ccl", "CCL", "CCLMethod", "CCLSearch", "FIGURES"),
        "daml": _folder("daml", "DAML", "DAMLMethod", "DAMLSearch", "FIGURES"),
        "dvml": _folder("dvml", "DVML", "DVMLMethod", "DVMLSearch", "FIGURES"),
        "htg": _folder("htg", "HTG", "HTGMethod", "HTGSearch", "FIGURES"),
        "bier": _folder("bier", "BIER", "BIERMethod", "BIERSearch", "FIGURES"),
        "abe": _folder("abe", "ABE", "ABEMethod", "ABESearch", "FIGURES"),
        "dreml": _folder("dreml", "DREML", "DREMLMethod", "DREMLSearch", "FIGURES"),
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
