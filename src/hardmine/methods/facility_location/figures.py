"""Facility location's own figure: how far the clustering of a batch is from its classes, over training."""

from hardmine.plotting import Curve, Report, draw_curves

__all__ = ["FIGURES", "draw_search"]


def draw_search(report: Report) -> None:
    """Clusterings of batches over training: how wrong they are, images with a wrong medoid, and idle hinges.

    Only images whose two medoids differ get a gradient, and none where the bracket is negative.
    """
    panels = (
        Curve("wrong", "1 − NMI of the clustering"),
        Curve("other_medoid", "images with another medoid"),
        Curve("bracket_negative", "batches without a gradient"),
    )
    draw_curves(report, "facility-location-search", report.runs_of("facility-location"), *panels, share_y=True)


FIGURES = {"facility-location-search": draw_search}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
