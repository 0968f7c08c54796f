"""HAP2S's figures: how many members a set's weights are worth, how many are pushed the wrong way, set distances."""

from hardmine.plotting import Curve, Report, draw_curves

__all__ = ["FIGURES", "distances", "members"]


def members(report: Report) -> None:
    """HAP2S over training: negatives that an anchor's weights are worth, and pairs that the weights push wrongly."""
    worth = Curve("negative_effective", "negatives that count", share=False)
    draw_curves(
        report, "hap2s-members", report.runs_of("hap2s"), worth, Curve("negative_reversed", "negatives drawn nearer")
    )


def distances(report: Report) -> None:
    """HAP2S over training: mean weighted distances from an anchor to its positives and to its negatives."""
    near = Curve("positive_distance", "distance to the positives", share=False)
    draw_curves(
        report,
        "hap2s-distances",
        report.runs_of("hap2s"),
        near,
        Curve("negative_distance", "to the negatives", share=False),
    )


FIGURES = {"hap2s-members": members, "hap2s-distances": distances}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
