"""HTL's own figures: its tree over training, and its margins."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from hardmine.plotting import Curve, Report, colour_of, draw_curves, grid, save

__all__ = ["FIGURES", "draw_margins", "draw_tree"]


def draw_tree(report: Report) -> None:
    """HTL's tree of the training classes when it is first built and at the end, and nodes by level of all its trees.

    First run with a tree, first seed. Dotted: the levels of the tree; the root is at 4 whatever the distances are.
    """
    runs = [run for run in report.runs_of("htl") if len(np.asarray(report.arrays(run).get("merges_first", ())))]
    arrays = {name: np.asarray(value) for name, value in report.arrays(runs[0]).items()} if runs else {}
    with grid(1, 3, legend=0) as (drawn, places):
        first, last, nodes = places[0]
        for panel, moment, place in ((first, "first", 0), (last, "last", -1)):
            panel.set_title(f"{moment} tree", fontsize=8)
            if runs:
                _dendrogram(panel, arrays[f"merges_{moment}"], arrays["thresholds"][place])
                panel.set_title(f"{moment} tree, after {int(arrays['images'][place]):,} images", fontsize=8)
            panel.set_xticks([])
            panel.set_xlabel("training classes")
            panel.set_ylim(0, 4.1)
        first.set_ylabel("mean squared distance")
        if runs:
            _nodes(nodes, arrays)
        nodes.set_title("nodes by level", fontsize=8)
        nodes.set_xlabel("threshold of the level")
        nodes.set_ylabel("nodes")
        save(drawn, report.folder, "htl-tree")


def draw_margins(report: Report) -> None:
    """HTL's margins over training: their mean in batches, the share of negative ones, and neighbours that stay."""
    panels = (
        Curve("margin", "mean margin of the triplets", share=False, from_zero=False, mark=0.2),
        Curve("margin_negative", "pairs with a negative margin"),
        Curve("nearest_kept", "nearest classes kept"),
    )
    draw_curves(report, "htl-margins", report.runs_of("htl"), *panels)


def _dendrogram(panel: Axes, merges: np.ndarray, thresholds: np.ndarray) -> None:
    """The tree by its merges, float [C-1, 3]; the part above the levels' root is cut off."""
    places = _leaves(merges)
    heights = dict.fromkeys(places, 0.0)
    lines = []
    for one, other, height in merges.tolist():
        left, right = int(one), int(other)
        corners = [(places[left], heights[left]), (places[left], height), (places[right], height)]
        lines.append([*corners, (places[right], heights[right])])
        places[left], heights[left] = (places[left] + places[right]) / 2, height
    panel.add_collection(LineCollection(lines, colors=colour_of("htl"), linewidths=0.5))
    for threshold in thresholds:
        panel.axhline(threshold, color="#999999", linewidth=0.4, linestyle=":")
    panel.set_xlim(-1, len(merges) + 1)
    panel.grid(False)


def _leaves(merges: np.ndarray) -> dict[int, float]:
    """Places of the classes along the axis, so that no branches cross."""
    orders = {label: [label] for label in range(len(merges) + 1)}
    for one, other, _ in merges.tolist():
        orders[int(one)] += orders.pop(int(other))
    return {label: float(place) for place, label in enumerate(next(iter(orders.values())))}


def _nodes(panel: Axes, arrays: dict[str, np.ndarray]) -> None:
    """Nodes over thresholds, a line a tree, dark for late ones."""
    trees = len(arrays["nodes"])
    for number, (thresholds, nodes) in enumerate(zip(arrays["thresholds"], arrays["nodes"], strict=True)):
        colour = colormaps["viridis_r"](0.15 + 0.85 * number / max(1, trees - 1))
        label = f"{int(arrays['images'][number]):,} images" if number in (0, trees - 1) else None
        panel.step(thresholds, nodes, where="post", color=colour, linewidth=1.1, label=label)
    panel.set_ylim(bottom=0)
    panel.legend(fontsize=6.5)


FIGURES = {"htl-tree": draw_tree, "htl-margins": draw_margins}
"""Names, as the settings' ``diagnostics`` have them, and what draws them."""
