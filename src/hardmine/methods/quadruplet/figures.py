"""The quadruplet loss's figures: the margins, and how spread classes are against how far apart they lie."""

from hardmine.plotting import Curve, Report, draw_curves

__all__ = ["FIGURES", "margins", "violating"]


def margins(report: Report) -> None:
    """Quadruplet over training: margin of the triplets, and mean distance within classes over that between them."""
    first = Curve("first_margin", "margin of the triplets", share=False)
    ratio = Curve("intra_to_inter", "distance within classes\nover that between them", share=False)
    draw_curves(report, "quadruplet-margins", report.runs_of("quadruplet"), first, ratio)


def violating(report: Report) -> None:
    """Quadruplet over training: shares of the triplets and of the second term's tuples that violate their margin."""
    first = Curve("triplets_violating", "violating triplets")
    draw_curves(
        report,
        "quadruplet-violating",
        report.runs_of("quadruplet"),
        first,
        Curve("second_violating", "in the second term"),
    )


FIGURES = {"quadruplet-margins": margins, "quadruplet-violating": violating}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
