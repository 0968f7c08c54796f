"""Figures of deep spectral clustering: the loss over what chance gives, and what whitening does to recall."""

from hardmine.plotting import Curve, Report, draw_curves

__all__ = ["FIGURES", "draw_loss", "draw_whitening"]


def draw_loss(report: Report) -> None:
    """Spectral loss over its value for a random span, and distances within classes over those between, in batches."""
    loss = Curve("of_chance", "spectral loss over chance", share=False)
    scatter = Curve("scatter", "distances within over between", share=False)
    draw_curves(report, "spectral-loss", report.runs_of("spectral"), loss, scatter)


def draw_whitening(report: Report) -> None:
    """Recall at 1 on validation classes over training, of plain embeddings and of whitened ones, for all objectives."""
    plain = Curve("val_recall@1", "plain, recall at 1")
    whitened = Curve("val_whitened_recall@1", "whitened, recall at 1")
    draw_curves(report, "spectral-whitening", report.runs_of("spectral"), plain, whitened, share_y=True)


FIGURES = {"spectral-loss": draw_loss, "spectral-whitening": draw_whitening}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
