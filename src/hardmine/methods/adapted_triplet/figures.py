"""The adapted triplet loss's own figure: the shift that selection causes, and that of a placebo."""

from hardmine.plotting import Curve, Report, draw_curves

__all__ = ["FIGURES", "draw_shift"]


def draw_shift(report: Report) -> None:
    """Shift of class means by selected images, by as many random ones, and over the class radius, in training batches.

    What selection shifts beyond the placebo is its bias; a shift that shrinks with the radius is none that shrinks.
    """
    panels = (
        Curve("shift", "shift by selected images", share=False),
        Curve("placebo_shift", "shift by random images", share=False),
        Curve("shift_over_radius", "shift over radius of the class", share=False),
    )
    draw_curves(report, "adapted-triplet-shift", report.runs_of("adapted-triplet"), *panels)


FIGURES = {"adapted-triplet-shift": draw_shift}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
