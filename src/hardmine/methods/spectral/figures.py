"""Figures of deep spectral clustering: the loss over what chance gives, and what whitening does to recall."""

from hardmine.plotting import Report, draw_curves

__all__ = ["FIGURES", "draw_loss", "draw_whitening"]


def draw_loss(report: Report) -> None:
    """Spectral loss over its value for a random span, and distances within classes over those between, in batches."""
    panels = {"of_chance": "spectral loss over chance", "scatter": "distances within over between"}
    draw_curves(report, "spectral-loss", report.runs_of("spectral"), panels)


def draw_whitening(report: Report) -> None:
    """Recall at 1 on validation classes over training, of plain embeddings and of whitened ones, for all objectives."""
    panels = {"val_recall@1": "plain, recall at 1", "val_whitened_recall@1": "whitened, recall at 1"}
    draw_curves(report, "spectral-whitening", report.runs_of("spectral"), panels, share_y=True)


FIGURES = {"spectral-loss": draw_loss, "spectral-whitening": draw_whitening}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
