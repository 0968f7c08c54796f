"""ABE's figures: how much learners differ, where they look, what each more of them brings."""

from pathlib import Path
from typing import Any

import numpy as np

from hardmine.plotting import TEXT, Report, figure, save
from hardmine.plotting.curves import draw_nothing
from hardmine.plotting.learners import NO_LEARNERS, draw_correlations, draw_growth, run_with_learners

__all__ = ["FIGURES", "draw_masks"]

MOST = 8
"""Learners whose masks are shown."""


def draw_correlation(report: Report) -> None:
    """ABE: correlation of the learners' pair similarities, at the end of training (first seed) and over training."""
    draw_correlations(report, "abe", "abe-correlation")


def draw_growing(report: Report) -> None:
    """ABE: recall at 1 on validation classes by the number of learners joined, at the end of training."""
    draw_growth(report, "abe", "abe-growth")


def draw_masks(report: Report) -> None:
    """ABE: training images and each learner's mask, averaged over channels; dark to bright from least to largest."""
    run = run_with_learners(report, "abe")
    arrays: dict[str, Any] = report.arrays(run) if run else {}
    if "masks" not in arrays:
        draw_nothing(report, "abe-masks", NO_LEARNERS)
        return
    masks, rows = arrays["masks"][:MOST], arrays["mask_images"]
    pixels = np.load(Path(report.job.where["packed"], "images.npy"), mmap_mode="r", allow_pickle=False)
    columns = len(masks) + 1
    with figure(width=TEXT, height=0.25 + TEXT / columns * len(rows) * 0.9) as (drawn, axes):
        axes.remove()
        places = drawn.subplots(len(rows), columns, squeeze=False)
        for line, row in enumerate(rows):
            image = pixels[row]
            places[line, 0].imshow(image[:, :, 0] if image.shape[2] == 1 else image, cmap="gray", vmin=0, vmax=255)
            for learner, mask in enumerate(masks, start=1):
                places[line, learner].imshow(mask[line], cmap="magma", vmin=float(masks.min()), vmax=float(masks.max()))
        for learner in range(1, columns):
            places[0, learner].set_title(f"learner {learner}")
        for place in places.flat:
            place.set_axis_off()
        save(drawn, report.folder, "abe-masks")


FIGURES = {"abe-correlation": draw_correlation, "abe-masks": draw_masks, "abe-growth": draw_growing}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
