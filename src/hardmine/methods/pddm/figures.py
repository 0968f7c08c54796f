"""PDDM's figures: whether the unit tells positives from negatives better than distances, and what it picks."""

from hardmine.plotting import Curve, Report, draw_curves

__all__ = ["FIGURES", "picks", "scores"]


def scores(report: Report) -> None:
    """PDDM over training: chance that a positive pair of a batch ranks before a negative one, by score and distance."""
    score = Curve("ranking_by_score", "positives first, by score", from_zero=False)
    draw_curves(
        report,
        "pddm-scores",
        report.runs_of("pddm"),
        score,
        Curve("ranking_by_distance", "by distance", from_zero=False),
    )


def picks(report: Report) -> None:
    """PDDM over training: quadruplets by score that are those by distance too, and hinges on distances above 0."""
    agree = Curve("picks_agree", "quadruplets also picked by distance")
    draw_curves(
        report, "pddm-picks", report.runs_of("pddm"), agree, Curve("distance_active", "active hinges on distances")
    )


FIGURES = {"pddm-scores": scores, "pddm-picks": picks}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
