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


def _baseline(settings: str) -> Descriptor:
    """The descriptor of a library loss on class-balanced batches."""
    return _folder("baselines", settings, "Baseline", "BaselineSearch")


METHODS = Door(
    "method",
    "hardmine.methods",
    {
        "random": _folder("baselines", "RandomNetwork", "RandomNetworkMethod"),
        "contrastive": _baseline("Contrastive"),
        "triplet": _baseline("Triplet"),
        "lifted": _baseline("LiftedStructure"),
        "npair": _baseline("NPair"),
        "angular": _baseline("Angular"),
        "histogram": _baseline("Histogram"),
        "proxy-nca": _baseline("ProxyNCA"),
        "softmax": _baseline("NormalisedSoftmax"),
        "margin": _baseline("Margin"),
        "multi-similarity": _baseline("MultiSimilarity"),
        "proxy-anchor": _baseline("ProxyAnchor"),
        "softtriple": _baseline("SoftTriple"),
        "circle": _baseline("Circle"),
        "supcon": _baseline("SupCon"),
        "arcface": _baseline("ArcFace"),
        "cosface": _baseline("CosFace"),
        "xbm": _baseline("CrossBatchMemory"),
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
