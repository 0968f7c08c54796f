"""CCL's figures: how tight classes are, how near their negatives, and how one-sided the choice of negatives is."""

from hardmine.plotting import Curve, Report, draw_curves

__all__ = ["FIGURES", "clusters", "negatives"]


def clusters(report: Report) -> None:
    """CCL over training: mean squared distances to the own centre, and of each class's negative to the centre."""
    near = Curve("positive_square", "squared distance to the centre", share=False)
    draw_curves(
        report,
        "ccl-clusters",
        report.runs_of("ccl"),
        near,
        Curve("negative_square", "of the negative to it", share=False),
    )


def negatives(report: Report) -> None:
    """CCL over training: images that violate the margin, and classes of a batch that share their negative."""
    violating = Curve("violating", "images that violate the margin")
    draw_curves(
        report, "ccl-negatives", report.runs_of("ccl"), violating, Curve("negative_repeats", "negatives chosen before")
    )


FIGURES = {"ccl-clusters": clusters, "ccl-negatives": negatives}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
