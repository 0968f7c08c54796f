"""SCHEM's own figures: signature recall, violating triplets, the closest class pairs as images."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from hardmine.plotting import TEXT, Curve, Report, draw_curves, figure, save

__all__ = ["FIGURES", "hard_pairs", "signature_recall", "violating_share"]

_MOMENTS = {"start": "at the start", "first": "after one epoch", "last": "at the end"}


def signature_recall(report: Report) -> None:
    """Share of the classes picked by signature that are among the 20 with the nearest means, at each epoch's start."""
    label = "share of picked classes\namong the 20 nearest"
    draw_curves(report, "schem-signature-recall", report.runs_of("schem"), Curve("signature_recall", label))


def violating_share(report: Report) -> None:
    """Share of a batch's triplets that violate the margin, over training, for SCHEM and its controls."""
    draw_curves(
        report, "schem-violating-share", report.runs_of("schem"), Curve("violating", "triplets that violate the margin")
    )


def hard_pairs(report: Report) -> None:
    """Classes with the most similar signatures, an image each: through training, and in other runs at the end."""
    pixels = np.load(Path(report.job.where["packed"], "images.npy"), mmap_mode="r", allow_pickle=False)
    lines = _pair_lines(report)
    with figure(width=TEXT, height=0.2 + 0.68 * max(1, len(lines))) as (drawn, axes):
        axes.set_axis_off()
        if not lines:
            axes.text(0.5, 0.5, "no run searches classes by their signatures", ha="center", va="center")
        for line, (label, pairs, similarities) in enumerate(lines):
            axes.text(-0.25, 1.5 * line + 0.9, label, ha="right", va="center", fontsize=8)
            for place, (pair, similarity) in enumerate(zip(pairs, similarities, strict=True)):
                _draw_pair(axes, pixels[pair], 2.3 * place, 1.5 * line + 0.4)
                axes.text(2.3 * place + 1, 1.5 * line + 0.32, f"S = {similarity:.2f}", ha="center", fontsize=7.5)
        if lines:
            axes.set(xlim=(-2.7, 13.6), ylim=(1.5 * len(lines), 0), aspect="equal")
        save(drawn, report.folder, "schem-hard-pairs")


def _pair_lines(report: Report, others: int = 3) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Label, pairs of packed rows and similarities: every moment of the first run, the end of a few others."""
    lines = []
    shown = 0
    for run in report.runs_of("schem"):
        if report.job.settings["runs"][run].get("class_stage") != "search" or shown > others:
            continue
        arrays = report.arrays(run)
        for moment, label in _MOMENTS.items():
            name = f"hard_pairs_{moment}"
            if name in arrays and (not shown or moment == "last"):
                label = f"{run.removeprefix('schem-')}\n{label}" if shown else label
                lines.append((label, np.asarray(arrays[name]), np.asarray(arrays[f"{name}_similarity"])))
        shown += 1
    return lines


def _draw_pair(axes: Axes, images: np.ndarray, left: float, top: float) -> None:
    """Two images side by side, each in a unit square."""
    for side, image in enumerate(images):
        shown = image[:, :, 0] if image.shape[2] == 1 else image
        extent = (left + 0.02 + side, left + 0.98 + side, top + 0.98, top + 0.02)
        axes.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="nearest")


FIGURES = {
    "schem-signature-recall": signature_recall,
    "schem-violating-share": violating_share,
    "schem-hard-pairs": hard_pairs,
}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
