"""Figures of DAML: where made negatives lie on their way, which of them violate, and what they look like."""

from hardmine.plotting import Curve, Report, draw_curves
from hardmine.plotting.curves import draw_nothing
from hardmine.plotting.made_points import a_few, draw_made

__all__ = ["FIGURES", "draw_negatives", "draw_share"]


def draw_share(report: Report) -> None:
    """DAML's made negatives over training: share of the way to the real one, in theory too, and violating shares."""
    runs, _ = _runs(report)
    if not runs:
        return draw_nothing(report, "daml-share", "no run with made negatives in this plan")
    panels = (
        Curve("way", "share s of the way", share=False, from_zero=False),
        Curve("best_way", "best share s*", share=False, from_zero=False),
        Curve("violating_made", "made negatives that violate"),
    )
    draw_curves(report, "daml-share", runs, *panels)


def draw_negatives(report: Report) -> None:
    """Negatives seen from their anchor, real and as made by DAML, early and late in training (two main axes)."""
    why = "no run with made negatives kept points"
    draw_made(report, "daml-negatives", a_few(*_runs(report)), "made", why)


def _runs(report: Report) -> tuple[list[str], dict[str, str]]:
    """Runs with made negatives, and the variant of every run."""
    variants = {run: report.job.settings["runs"][run]["variant"] for run in report.runs_of("daml")}
    return [run for run, variant in variants.items() if variant != "base"], variants


FIGURES = {"daml-share": draw_share, "daml-negatives": draw_negatives}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
