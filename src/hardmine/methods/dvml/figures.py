"""Figures of DVML: whether its variation is alive, and where varied embeddings lie."""

from hardmine.plotting import Curve, Report, draw_curves
from hardmine.plotting.curves import draw_nothing
from hardmine.plotting.made_points import a_few, draw_made

__all__ = ["FIGURES", "draw_points", "draw_variation"]


def draw_variation(report: Report) -> None:
    """DVML's variation over training: divergence a dimension (0: collapsed), its deviation, what stays unexplained."""
    runs = [run for run, variant in _variants(report).items() if variant not in ("base", "noise")]
    if not runs:
        return draw_nothing(report, "dvml-variation", "no run with a learned variation in this plan")
    panels = (
        Curve("kl", "divergence a dimension, nats", share=False),
        Curve("sigma", "mean deviation", share=False),
        Curve("unexplained", "unexplained variance"),
    )
    draw_curves(report, "dvml-variation", runs, *panels)


def draw_points(report: Report) -> None:
    """Embeddings seen from an anchor, real and as DVML varies them, early and late in training (two main axes)."""
    variants = _variants(report)
    runs = a_few([run for run, variant in variants.items() if variant != "base"], variants)
    draw_made(report, "dvml-points", runs, "varied", "no run with varied embeddings in this plan")


def _variants(report: Report) -> dict[str, str]:
    """The variant of every run."""
    return {run: report.job.settings["runs"][run]["variant"] for run in report.runs_of("dvml")}


FIGURES = {"dvml-variation": draw_variation, "dvml-points": draw_points}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
