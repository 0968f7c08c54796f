"""How metrics are written for people."""

from typing import Any

__all__ = ["title_of"]

_NAMES = {"map@r": "MAP@R", "r_precision": "R-precision", "nmi": "NMI", "ami": "AMI", "f1": "F1", "map": "MAP"}
_AT_K = {"recall": "R", "cmc": "CMC"}


def title_of(metric: str, k: Any) -> str:
    """The title of a metric, e.g. ``R@1``."""
    return f"{_AT_K[metric]}@{int(k)}" if metric in _AT_K else _NAMES.get(metric, metric)
