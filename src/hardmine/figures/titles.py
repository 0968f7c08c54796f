"""How metrics are written for people."""

from collections.abc import Iterable
from typing import Any

from hardmine.retrieval.evaluate import WITHOUT_MATCH
from hardmine.retrieval.pairs import FNMR, OPIS

__all__ = ["LESS_IS_BETTER", "MISSES", "notes_on", "title_of"]

MISSES = "without match: share of queries with no other image of their class to find; R and CMC count them as misses."
"""What stands below a table that shows that share."""
LESS_IS_BETTER = {*FNMR, OPIS}
"""Metrics of errors."""
_ERRORS = (
    "FNMR at x %: share of the pairs of one class that do not match where x % of the pairs of two classes do. OPIS: "
    "how differently one threshold does on the classes, a variance times 100. Of both, less is better."
)
_NAMES = {"map@r": "MAP@R", "r_precision": "R-precision", "nmi": "NMI", "ami": "AMI", "f1": "F1", "map": "MAP"}
_NAMES |= {WITHOUT_MATCH: "without match", OPIS: "OPIS"}
_NAMES |= {name: f"FNMR@{100 * rate:g}%" for name, rate in FNMR.items()}
_AT_K = {"recall": "R", "cmc": "CMC"}


def title_of(metric: str, k: Any) -> str:
    """The title of a metric, e.g. ``R@1``."""
    return f"{_AT_K[metric]}@{int(k)}" if metric in _AT_K else _NAMES.get(metric, metric)


def notes_on(metrics: Iterable[str]) -> list[str]:
    """Sentences that a table of these metrics needs below it."""
    there = set(metrics)
    return [note for names, note in (({WITHOUT_MATCH}, MISSES), (LESS_IS_BETTER, _ERRORS)) if names & there]
