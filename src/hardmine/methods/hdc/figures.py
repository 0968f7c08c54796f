"""HDC's figures: what the levels' pair losses look like, which pairs they keep, and how training went."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, PercentFormatter

from hardmine.errors import UserError
from hardmine.plotting import Report, grid, save
from hardmine.plotting.curves import over_seeds

__all__ = ["FIGURES", "draw_losses", "draw_pairs", "draw_training"]

COLOURS = {"level1": "#56B4E9", "level2": "#0072B2", "level3": "#1B3A5C", "joined": "#D55E00"}
POSITIVE, NEGATIVE, SOLVED = "#009E73", "#D55E00", "#cfcfcf"


def draw_losses(report: Report) -> None:
    """HDC: pair losses of each level in the last training batch (first seed); dark: the pairs that the level keeps."""
    run = main_run(report)
    settings, arrays = report.job.settings["runs"][run], _arrays(report, run)
    margin = settings["margin"]
    distances, kept, same = arrays["distances"], arrays["kept"], arrays["same"]
    levels = len(distances)
    with grid(2, levels, legend=0, sharey="row") as (drawn, places):
        kinds = (
            ("positive", same, distances, POSITIVE),
            ("negative", ~same, np.maximum(margin - distances, 0), NEGATIVE),
        )
        for row, (kind, members, losses, colour) in zip(places, kinds, strict=True):
            # 0.9999: a pair at the upper edge stays in the last bin
            edges = np.linspace(0, max(float(losses[:, members].max(initial=0)) / 0.9999, 1e-6), 31)
            for level, place in enumerate(row):
                values, chosen = losses[level, members], kept[level, members]
                place.hist(values, edges, color=colour, alpha=0.3)
                place.hist(values[chosen], edges, color=colour)
                if kind == "negative":  # nearly all of them lie beyond the margin
                    place.set_yscale("symlog", linthresh=10)
                    place.set_ylim(0, members.sum())
                place.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
                place.set_title(f"level {level + 1}: {chosen.sum():,} of {len(values):,} kept", fontsize=8.5)
            row[0].set_ylabel(f"{kind} pairs")
        for place in places[0]:
            place.set_xlabel("loss d")
        for place in places[1]:
            place.set_xlabel(f"loss max(0, {margin:g} - d)")
        save(drawn, report.folder, "hdc-losses")


def draw_pairs(report: Report) -> None:
    """HDC: which pairs of the last training batch each level keeps (first seed); images of a class lie side by side."""
    run = main_run(report)
    margin, arrays = report.job.settings["runs"][run]["margin"], _arrays(report, run)
    distances, kept, same = arrays["distances"], arrays["kept"], arrays["same"]
    labels = arrays["labels"]
    first, second = np.triu_indices(len(labels), 1)
    with grid(1, len(distances), legend=3 if len(distances) == 1 else 1) as (drawn, places):
        for level, place in enumerate(places[0]):
            active = kept[level] & ~same & (distances[level] < margin)
            codes = np.where(kept[level] & same, 2, np.where(active, 3, np.where(kept[level], 1, 0)))
            matrix = np.zeros((len(labels), len(labels)))
            matrix[first, second] = matrix[second, first] = codes
            colours = ListedColormap(["white", SOLVED, POSITIVE, NEGATIVE])
            place.imshow(matrix, cmap=colours, vmin=0, vmax=3, interpolation="nearest")
            place.grid(visible=False)
            place.set_title(_overlap_title(kept, level), fontsize=8.5)
            place.set_xlabel("image of the batch")
            if level:
                place.tick_params(labelleft=False)
            else:
                place.set_ylabel("image of the batch")
        names = {
            POSITIVE: "kept positive",
            NEGATIVE: "kept negative within the margin",
            SOLVED: "kept negative beyond it",
        }
        patches = [Patch(facecolor=colour, label=name) for colour, name in names.items()]
        drawn.legend(handles=patches, loc="outside lower center", ncols=min(3, len(distances)), fontsize=8)
        save(drawn, report.folder, "hdc-pairs")


def draw_training(report: Report) -> None:
    """HDC over training (mean over seeds): active negatives, mean loss of all pairs, recall on validation classes."""
    run = main_run(report)
    history = report.histories[report.histories.run == run]
    levels = [f"level{number}" for number in range(1, len(report.job.settings["runs"][run]["ratios"]) + 1)]
    with grid(1, 3) as (drawn, places):
        counts, losses, recall = places[0]
        for level in levels:
            label = f"level {level[-1]}"
            _line(counts, history, f"{level}_active_negatives", COLOURS[level], label)
            _line(losses, history, f"{level}_loss_all", COLOURS[level])
            _line(recall, history, f"val_{level}_recall@1", COLOURS[level])
        _line(recall, history, "val_recall@1", COLOURS["joined"], "all levels joined")
        counts.set_ylabel("kept negatives within the margin")
        losses.set_ylabel("mean loss of all pairs")
        recall.set_ylabel("recall at 1, validation classes")
        recall.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        for place in (counts, losses, recall):
            place.set_xlabel("training images seen")
            place.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:g}k"))
        counts.set_ylim(bottom=0)
        losses.set_ylim(bottom=0)
        drawn.legend(loc="outside lower center", ncols=4, fontsize=8)
        save(drawn, report.folder, "hdc-training")


def main_run(report: Report) -> str:
    """The run the figures show: ``hdc``, or else the plan's first HDC run with the most levels."""
    runs = report.runs_of("hdc")
    return "hdc" if "hdc" in runs else max(runs, key=lambda run: len(report.job.settings["runs"][run]["ratios"]))


def _arrays(report: Report, run: str) -> dict[str, Any]:
    """What the run kept of its last batch: ``labels`` [n], ``same`` [p], ``distances``, ``kept`` [levels, p]."""
    arrays: dict[str, Any] = report.arrays(run)
    if "last_labels" not in arrays:
        raise UserError(
            f"{run}: its training kept no pairs for the figures. Delete made.json of its model and run again."
        )
    labels = arrays["last_labels"]
    first, second = np.triu_indices(len(labels), 1)
    return {
        "labels": labels,
        "same": labels[first] == labels[second],
        "distances": arrays["last_distances"],
        "kept": arrays["last_kept"].astype(bool),
    }


def _overlap_title(kept: np.ndarray, level: int) -> str:
    count = int(kept[level].sum())
    if not level:
        return f"level 1: {count:,} pairs"
    shared = int((kept[level] & kept[level - 1]).sum())
    return f"level {level + 1}: {count:,} pairs,\n{shared / max(count, 1):.0%} also kept by level {level}"


def _line(axes: Axes, history: pd.DataFrame, column: str, colour: str, label: str | None = None) -> None:
    line = over_seeds(history, column)
    if len(line):
        axes.plot(line.images, line["mean"], color=colour, label=label, linewidth=1.5)


FIGURES = {
    "hdc-losses": draw_losses,
    "hdc-pairs": draw_pairs,
    "hdc-training": draw_training,
}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
