"""SCHEM's own figures: signature recall, violating triplets, the closest class pairs as images."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from .diagnostics import Report
from .style import colour_of, figure, save

__all__ = ["hard_pairs", "signature_recall", "violating_share"]

_VARIANTS = (("#0072B2", "o"), ("#E69F00", "s"), ("#009E73", "^"), ("#D55E00", "v"), ("#56B4E9", "D"), ("#888888", "x"))
"""Colours and marks of the variants beside the main run: their names share one colour elsewhere."""
_MOMENTS = {"start": "at the start", "first": "after one epoch", "last": "at the end"}


def signature_recall(report: Report) -> None:
    """Share of the classes picked by signature that are among the 20 classes with the nearest mean embeddings."""
    _curves(report, "schem-signature-recall", "signature_recall", "share of picked classes\namong the 20 nearest")


def violating_share(report: Report) -> None:
    """Share of a batch's triplets that violate the margin, over training, for SCHEM and its controls."""
    _curves(report, "schem-violating-share", "violating", "triplets that violate the margin")


def hard_pairs(report: Report) -> None:
    """Classes with the most similar signatures, one image each: early and late in training, first run and seed."""
    pixels = np.load(Path(report.job.where["packed"], "images.npy"), mmap_mode="r", allow_pickle=False)
    for run in report.runs_of("schem"):
        arrays = report.arrays(run)
        found = {moment: f"hard_pairs_{moment}" for moment in _MOMENTS if f"hard_pairs_{moment}" in arrays}
        if found:
            break
    else:
        found, arrays = {}, {}
    with figure(width=5.8, height=0.2 + 0.95 * max(1, len(found))) as (drawn, axes):
        axes.set_axis_off()
        if not found:
            axes.text(0.5, 0.5, "no run learns signatures", ha="center", va="center")
        for line, (moment, name) in enumerate(found.items()):
            pairs, similarities = np.asarray(arrays[name]), np.asarray(arrays[f"{name}_similarity"])
            axes.text(-0.25, line + 0.5, _MOMENTS[moment], ha="right", va="center")
            for place, (pair, similarity) in enumerate(zip(pairs, similarities, strict=True)):
                _draw_pair(axes, pixels[pair], 2.3 * place, line)
                axes.text(2.3 * place + 1, line + 0.12, f"S = {similarity:.2f}", ha="center", va="bottom", fontsize=7.5)
        if found:
            axes.set(xlim=(-2.9, 13.7), ylim=(len(found) + 0.25, 0))
        save(drawn, report.folder, "schem-hard-pairs")


def _draw_pair(axes: Axes, images: np.ndarray, left: float, line: int) -> None:
    """Two images side by side, each a unit wide, below the height of their caption."""
    for side, image in enumerate(images):
        shown = image[:, :, 0] if image.shape[2] == 1 else image
        extent = (left + 0.04 + side, left + 0.96 + side, line + 1.08, line + 0.16)
        axes.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto", interpolation="nearest")


def _curves(report: Report, name: str, column: str, label: str) -> None:
    """A column of the histories over the images seen, mean over seeds, one line a SCHEM run."""
    runs = report.runs_of("schem")
    rows = report.histories[report.histories.run.isin(runs)]
    rows = rows.dropna(subset=[column]) if column in rows else rows.iloc[:0]
    with figure(height=3.2 + 0.2 * (len(runs) // 3)) as (drawn, axes):
        variants = [run for run in runs if run != "schem"]
        for run, part in rows.groupby("run", sort=False):
            mean = part.groupby("images")[column].mean()
            colour, mark = colour_of("schem"), "o"
            if run in variants:
                colour, mark = _VARIANTS[variants.index(run) % len(_VARIANTS)]
            axes.plot(mean.index, mean, marker=mark, markersize=4, color=colour, label=run)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("training images seen, at the end of the epoch")
        axes.set_ylabel(label)
        if len(rows):
            drawn.legend(loc="outside lower center", ncols=3, fontsize=7.5)
        save(drawn, report.folder, name)
