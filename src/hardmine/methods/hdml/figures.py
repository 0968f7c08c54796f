"""Figures of HDML: hardness and balance, the losses, and negatives around an anchor."""

from hardmine.plotting import Curve, Report, draw_curves, grid, save
from hardmine.plotting.curves import draw_nothing, images_axis, legend_below, mean_over_seeds
from hardmine.plotting.made_points import MADE, REAL, draw_made

__all__ = ["FIGURES", "draw_hardness", "draw_losses", "draw_negatives"]


def draw_hardness(report: Report) -> None:
    """Hardness of HDML over training: lambda, the mean factor lambda0 on negatives, and the weight of real tuples."""
    runs = _runs(report)
    if not runs:
        return draw_nothing(report, "hdml-hardness", "no run with synthetic tuples in this plan")
    panels = (
        Curve("lambda", "lambda", share=False),
        Curve("lambda0", "mean lambda0 of negatives", share=False),
        Curve("weight", "weight w of real tuples", share=False),
    )
    draw_curves(report, "hdml-hardness", runs, *panels, share_y=True)


def draw_losses(report: Report) -> None:
    """Losses of HDML on real and synthetic tuples, its classifier of features on both, and its generator's losses."""
    runs = _runs(report, "full")
    if not runs:
        return draw_nothing(report, "hdml-losses", "no full HDML run in this plan")
    with grid(len(runs), 3, legend=2, sharex=True) as (drawn, places):
        for row, run in zip(places, runs, strict=True):
            for panel, (title, lines) in zip(row, _LOSSES.items(), strict=True):
                for column, (label, colour, dash) in lines.items():
                    mean = mean_over_seeds(report.histories, run, column)
                    panel.plot(mean.index, mean, dash, color=colour, label=label, marker="o", ms=2.5, lw=1.4)
                panel.set_title(title, fontsize=8.5)
            row[0].set_ylabel(run)
            row[0].set_ylim(bottom=0)
            row[1].set_ylim(bottom=0)
            row[2].set_yscale("log")
        for panel in places[-1]:
            images_axis(panel)
        legend_below(drawn, list(places[0]), columns=4)
        save(drawn, report.folder, "hdml-losses")


def draw_negatives(report: Report) -> None:
    """Negatives seen from their anchor, real, pulled and as generated, early and late in training (two main axes)."""
    why = "no full HDML run in this plan was long enough to pull negatives"
    draw_made(report, "hdml-negatives", _runs(report, "full"), "pulled and generated", why)


_LOSSES = {
    "metric loss": {
        "metric_loss": ("on real tuples", REAL, "-"),
        "synthetic_loss": ("on synthetic tuples", MADE, "--"),
    },
    "classifier, nats": {
        "classifier_real": ("on real features", REAL, "-."),
        "classifier_synthetic": ("on synthetic features", MADE, ":"),
    },
    "generator loss": {
        "reconstruction_loss": ("reconstruction", "#7B3294", "-"),
        "soft_loss": ("classification", "#B8860B", "--"),
    },
}


def _runs(report: Report, variant: str | None = None) -> list[str]:
    """HDML runs with synthetic tuples, or those of one variant."""
    variants = {run: report.job.settings["runs"][run]["variant"] for run in report.runs_of("hdml")}
    return [run for run, own in variants.items() if (own == variant if variant else own != "base")]


FIGURES = {
    "hdml-hardness": draw_hardness,
    "hdml-losses": draw_losses,
    "hdml-negatives": draw_negatives,
}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
