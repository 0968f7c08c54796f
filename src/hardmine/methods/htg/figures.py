"""Figures of HTG: the game of generator and network, and where made negatives lie."""

from hardmine.plotting import Curve, Report, draw_curves
from hardmine.plotting.curves import draw_nothing
from hardmine.plotting.made_points import a_few, draw_made

__all__ = ["FIGURES", "draw_game", "draw_negatives"]


def draw_game(report: Report) -> None:
    """HTG over training: mean gap u of made triplets, how far their negatives moved, and the share of labels kept."""
    runs, _ = _runs(report)
    if not runs:
        return draw_nothing(report, "htg-game", "no run with made triplets in this plan")
    panels = (
        Curve("gap_made", "gap u of made triplets", share=False, from_zero=False),
        Curve("moved_negative", "length of moves", share=False),
        Curve("kept_label", "labels kept"),
    )
    draw_curves(report, "htg-game", runs, *panels)


def draw_negatives(report: Report) -> None:
    """Negatives seen each from its own anchor, real and as made by HTG, early and late in training (two main axes)."""
    why = "no run with made triplets kept points"
    draw_made(report, "htg-negatives", a_few(*_runs(report)), "made", why)


def _runs(report: Report) -> tuple[list[str], dict[str, str]]:
    """Runs with made triplets, and the variant of every run."""
    variants = {run: report.job.settings["runs"][run]["variant"] for run in report.runs_of("htg")}
    return [run for run, variant in variants.items() if variant not in ("base", "d-only", "identity")], variants


FIGURES = {"htg-game": draw_game, "htg-negatives": draw_negatives}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
