"""DREML's figures: what each more of the networks brings, and how much they differ."""

from hardmine.plotting import Report
from hardmine.plotting.learners import draw_correlations, draw_growth

__all__ = ["FIGURES"]


def draw_growing(report: Report) -> None:
    """DREML: recall at 1 on validation classes by the number of networks joined, at the end of training."""
    draw_growth(report, "dreml", "dreml-growth")


def draw_correlation(report: Report) -> None:
    """DREML: correlation of the networks' pair similarities, at the end of training (first seed) and over training."""
    draw_correlations(report, "dreml", "dreml-correlation")


FIGURES = {"dreml-growth": draw_growing, "dreml-correlation": draw_correlation}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
