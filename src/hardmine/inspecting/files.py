"""Files that are pictures of nothing, or hardly: constant, tiny, very long, unreadable."""

from dataclasses import dataclass

import numpy as np

from .looking import Looked

__all__ = ["FileProblem", "problems_of"]

_CONSTANT = 4
"""Range of values, of 255, up to which a picture counts as of one colour."""
_TINY = 4
"""A shorter edge so many times shorter than the median of all is tiny; less than eight pixels always."""
_EXTREME = 4
"""Ratio of the edges above which a picture is very long."""


@dataclass(frozen=True)
class FileProblem:
    """A file that is hardly a picture: ``unreadable``, ``constant``, ``tiny`` or ``extreme``, and why."""

    name: str
    problem: str
    detail: str


def problems_of(looked: Looked) -> list[FileProblem]:
    """What is wrong with the files, unreadable ones first."""
    found = [FileProblem(name, "unreadable", reason) for name, reason in sorted(looked.faults.items())]
    met = [(name, facts) for name, facts in zip(looked.names, looked.facts, strict=True) if facts]
    edges = [min(facts.width, facts.height) for _, facts in met]
    least = max(8.0, float(np.median(edges)) / _TINY) if edges else 8.0
    for name, facts in met:
        size = f"{facts.width} × {facts.height} pixels"
        short, long = sorted((facts.width, facts.height))
        if facts.contrast <= _CONSTANT:
            found.append(FileProblem(name, "constant", f"its values differ by {facts.contrast} of 255 at most"))
        if short < least:
            found.append(FileProblem(name, "tiny", size))
        if long > _EXTREME * short:
            found.append(FileProblem(name, "extreme", size))
    order = ("unreadable", "constant", "tiny", "extreme")
    return sorted(found, key=lambda one: (order.index(one.problem), one.name))
