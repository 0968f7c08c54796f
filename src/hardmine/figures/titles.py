"""How metrics are written for people."""

from typing import Any

__all__ = ["title_of"]

_NAMES = {"map@r": "MAP@R", "r_precision": "R-precision", "nmi": "NMI", "ami": "AMI", "f1": "F1"}


def title_of(metric: str, k: Any) -> str:
    """The title of a metric, e.g. ``R@1``."""
    return f"R@{int(k)}" if metric == "recall" else _NAMES.get(metric, metric)
