"""Figures of the methods' own."""

from collections.abc import Callable

from hardmine.artefacts import Job
from hardmine.plotting import Report
from hardmine.settings.methods import METHODS

__all__ = ["caption_of", "own_figures"]


def own_figures(job: Job) -> dict[str, Callable[[Report], None]]:
    """The functions that draw what the job's methods have of their own, by the figures' names in the job's order."""
    methods = dict.fromkeys(own["method"] for own in job.settings["runs"].values())
    known = {name: draw for method in methods for name, draw in METHODS.figures(method).items()}
    return {name: known[name] for name in job.settings["figures"] if name in known}


def caption_of(draw: Callable[[Report], None]) -> str:
    """The caption of a figure: the first line of its function's docstring."""
    return (draw.__doc__ or draw.__name__).strip().splitlines()[0]
