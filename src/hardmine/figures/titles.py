"""How metrics are written for people."""

from typing import Any

from hardmine.retrieval.evaluate import WITHOUT_MATCH

__all__ = ["MISSES", "title_of"]

MISSES = "without match: share of queries with no other image of their class to find; R and CMC count them as misses."
"""What stands below a table that shows that share."""
_NAMES = {"map@r": "MAP@R", "r_precision": "R-precision", "nmi": "NMI", "ami": "AMI", "f1": "F1", "map": "MAP"}
_NAMES[WITHOUT_MATCH] = "without match"
_AT_K = {"recall": "R", "cmc": "CMC"}


def title_of(metric: str, k: Any) -> str:
    """The title of a metric, e.g. ``R@1``."""
    return f"{_AT_K[metric]}@{int(k)}" if metric in _AT_K else _NAMES.get(metric, metric)
