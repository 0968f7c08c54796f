"""The figures every report has: what they show, and that they can be read at the width of a column."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_report import Plan, make_report, write_artefacts
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image
from readable import complaints
from safetensors.numpy import load_file, save_file

from hardmine.figures.choice import best_run, main_metric, of_metric, rank_metric
from hardmine.figures.gallery import RIGHT, WRONG, draw_gallery
from hardmine.figures.plots import plot_curves, plot_loss, plot_ranks, plot_results
from hardmine.plotting.curves import over_seeds
from hardmine.plotting.style import COLUMN, TEXT, figure
from hardmine.settings.reporting import FIGURES

MANY = [
    *(f"{method}{variant}" for method in ("hdc", "schem", "smart-mining") for variant in ("", "-one", "-another-one")),
    *("triplet-semihard", "triplet-distance", "contrastive", "margin", "npair", "random"),
]


def table(values: dict[str, list[float]], metric: str = "recall", ks: tuple = (1, 10)) -> pd.DataFrame:
    rows = [
        {"run": run, "metric": metric, "k": k, "mean": value, "half_width": 0.01}
        for run, own in values.items()
        for k, value in zip(ks, own, strict=True)
    ]
    found = pd.DataFrame(rows)
    return found.assign(k=found.k.astype("Int64"))


@pytest.mark.parametrize("runs", [["base", "hdc"], MANY], ids=["few", "many"])
def test_a_report_has_every_figure_as_svg_and_png(tmp_path: Path, runs: list[str]) -> None:
    folder = make_report(Plan(runs=runs, seeds=(0, 1)), tmp_path) / "figures"
    for name in FIGURES:
        assert (folder / f"{name}.svg").stat().st_size > 2000
        with Image.open(folder / f"{name}.png") as image:
            assert round(image.width / 300, 2) in (COLUMN, TEXT)
            assert np.asarray(image.convert("L")).std() > 5


def test_small_and_cut_off_text_is_noticed() -> None:
    with figure(TEXT) as (drawn, axes):
        axes.text(0.5, 0.5, "fine")
        assert complaints(drawn) == []
        axes.text(0.5, 0.5, "tiny", fontsize=5)
        axes.text(0.95, 0.5, "much too long to end before the edge").set_in_layout(False)
        small, cut = complaints(drawn)
        assert "'tiny': 5.0 points" in small
        assert "is cut off" in cut


def test_a_figure_wider_than_the_text_is_read_as_it_is_printed() -> None:
    with figure(2 * TEXT) as (drawn, axes):
        axes.set_xlabel("set at eight points, printed at four", fontsize=8)
        assert any("4.0 points" in complaint for complaint in complaints(drawn))


def shown(monkeypatch: pytest.MonkeyPatch, method: str) -> list:
    """Arguments of every call of a method of ``Axes``."""
    calls = []
    original = getattr(Axes, method)

    def noted(axes: Axes, *arguments, **keys):
        calls.append((arguments, keys))
        return original(axes, *arguments, **keys)

    monkeypatch.setattr(Axes, method, noted)
    return calls


def test_bars_are_means_whiskers_intervals_and_what_is_missing_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = table({"good": [0.8, 0.9], "bad": [0.2, 0.3], "lost": [math.nan, math.nan]})
    results = pd.DataFrame(
        [{"run": run, "metric": "recall", "k": 1, "value": value} for run, value in (("good", 0.8), ("bad", 0.2))]
    )
    bars, words = shown(monkeypatch, "barh"), shown(monkeypatch, "annotate")
    plot_results(results, statistics, tmp_path)
    assert bars[0][0][1].tolist() == [0, 0.2, 0.8]
    assert [call[0][0] for call in words] == ["missing"]
    assert words[0][0][1] == (0, 0)


def test_lines_over_k_have_a_point_a_k_and_leave_out_what_was_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(monkeypatch, "plot")
    plot_ranks(table({"good": [0.8, 0.9], "lost": [math.nan, math.nan]}), tmp_path)
    ((arguments, keys),) = lines
    assert keys["label"] == "good"
    assert list(arguments[0]) == [1, 10]
    assert list(arguments[1]) == [0.8, 0.9]


def test_a_metric_without_k_alone_still_gives_both_figures(tmp_path: Path) -> None:
    statistics = table({"good": [0.8], "bad": [0.3]}, "map", (None,))
    assert rank_metric(statistics) is None
    plot_ranks(statistics, tmp_path)
    plot_results(pd.DataFrame(columns=["run", "metric", "k", "value"]), statistics, tmp_path)
    assert (tmp_path / "recall-at-k.svg").exists()
    assert (tmp_path / "recall.svg").exists()


def history(*values: float, run: str = "a", seed: int = 0, column: str = "loss") -> pd.DataFrame:
    epochs = range(1, len(values) + 1)
    return pd.DataFrame({"run": run, "seed": seed, "epoch": epochs, "images": [10 * e for e in epochs], column: values})


def test_losses_are_shares_of_each_seeds_first_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, "plot")
    plot_loss(pd.concat([history(4, 2), history(8, 2, seed=1)], ignore_index=True), tmp_path)
    assert lines[0][0][1].tolist() == [1, 0.375]


def test_an_interval_counts_the_seeds_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bands = shown(monkeypatch, "fill_between")
    parts = [history(0.5, 0.6, seed=0), history(0.7, 0.8, seed=1), history(0.6, seed=2)]
    renamed = pd.concat(parts).rename(columns={"loss": "val_recall@1"})
    plot_curves(renamed, tmp_path)
    _, low, high = bands[0][0]
    half = ((high - low) / 2).tolist()
    assert half[0] == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-5)  # t at 97.5 %, 2 degrees of freedom
    assert half[1] == pytest.approx(12.706205 * math.sqrt(0.02) / math.sqrt(2), rel=1e-5)  # 1 degree of freedom


def test_seeds_whose_epochs_end_after_other_numbers_of_images_are_averaged_by_epoch() -> None:
    first, second = history(0.2, 0.4), history(0.4, 0.8, 0.9, seed=1).assign(images=[13, 21, 28])
    table = over_seeds(pd.concat([history(0.5, run="b"), first, second], ignore_index=True), "loss")
    assert table.run.tolist() == ["b", "a", "a", "a"]
    assert table.epoch.tolist() == [1, 1, 2, 3]
    assert table.images.tolist() == [10, 12, 20, 28]
    assert table["mean"].tolist() == pytest.approx([0.5, 0.3, 0.6, 0.9])
    assert table.half_width.isna().tolist() == [True, False, False, True]
    assert len(over_seeds(first, "other")) == 0


def test_nothing_measured_in_training_gives_empty_figures(tmp_path: Path) -> None:
    plot_curves(history(1.0), tmp_path)
    plot_loss(history(1.0, column="other"), tmp_path)
    assert (tmp_path / "curves.png").exists()
    assert (tmp_path / "loss.png").exists()


def test_the_picture_of_neighbours_frames_right_and_wrong_and_skips_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_artefacts(Plan(runs=["base"], seeds=(0,)), tmp_path)
    source = tmp_path / "metrics/fake/base/seed0/neighbours.safetensors"
    lists = load_file(source)
    lists["rows"][:, 5:] = -1
    save_file(lists, source)
    patches = []
    monkeypatch.setattr(Axes, "add_patch", lambda _, patch: patches.append(patch))
    draw_gallery(source, tmp_path / "data/packed/fake", tmp_path, queries=6)
    assert len(patches) == 6 * 5
    labels = (np.arange(lists["rows"].max() + 1) - 4) // 6
    right = (labels[lists["rows"][:, :5]] == labels[lists["queries"]][:, None]).sum(axis=1)
    evenly = np.linspace(0, len(right) - 1, 3).astype(int)
    expected = np.sort(right)[:3].sum() + right[evenly].sum()
    colours = [plt.matplotlib.colors.to_hex(patch.get_edgecolor()).upper() for patch in patches]
    assert colours.count(RIGHT[0]) == expected
    assert colours.count(WRONG[0]) == 30 - expected
    assert {patch.get_linestyle() for patch in patches} == {"-", "--"} or len(
        {str(patch.get_linestyle()) for patch in patches}
    ) == 2


def test_the_main_metric_is_recall_at_the_smallest_k_or_what_was_measured_first() -> None:
    both = pd.concat([table({"a": [0.5, 0.6]}, "map", (None, None)).head(1), table({"a": [0.7, 0.8]}, ks=(4, 2))])
    assert main_metric(both) == ("recall", 2)
    assert rank_metric(both) == "recall"
    assert main_metric(table({"a": [0.5, 0.6]}, "cmc", (1, 5))) == ("cmc", 1)
    assert main_metric(table({"a": [0.5]}, "map", (None,))) == ("map", None)
    assert of_metric(both, "map", None)["mean"].tolist() == [0.5]


def test_the_best_run_has_the_highest_mean_that_is_known() -> None:
    assert best_run(table({"a": [0.5, 0.9], "lost": [math.nan, 1.0], "b": [0.6, 0.7]})) == "b"
    assert best_run(table({"lost": [math.nan, math.nan], "other": [math.nan, math.nan]})) == "lost"
