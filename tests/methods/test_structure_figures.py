"""Figures of HTL, facility location, spectral and the adapted triplet loss, also where there is little to draw."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from drawn import assert_draws, keep
from safetensors.torch import save_file as save_tensors
from tiny import advance, build

from hardmine.artefacts import Job
from hardmine.plotting import Report
from hardmine.settings.methods import METHODS

COLUMNS = {
    "htl": ("margin", "margin_negative", "nearest_kept"),
    "facility-location": ("wrong", "other_medoid", "bracket_negative"),
    "spectral": ("of_chance", "scatter", "val_recall@1", "val_whitened_recall@1"),
    "adapted-triplet": ("shift", "placebo_shift", "shift_over_radius"),
}


@pytest.fixture
def report_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    monkeypatch.chdir(tmp_path)

    def make(method: str, columns: tuple[str, ...], variants: int = 9) -> Report:
        names = [method, *(f"{method}-v{number}-some-control" for number in range(variants))]
        rows = [
            {
                "run": run,
                "seed": seed,
                "epoch": epoch,
                "images": 4000 * (epoch + 1),
                **dict.fromkeys(columns, 0.1 * epoch + 0.05 * place),
            }
            for place, run in enumerate(names)
            for seed in (0, 1)
            for epoch in range(3)
        ]
        runs = {**{name: {"method": method} for name in names}, "other": {"method": "triplet"}}
        (tmp_path / "figures").mkdir()
        for name in names:
            keep(name)
        job = Job("tiny", "figures", "report/tiny", (), (), {"runs": runs, "seeds": [0, 1]}, {})
        return Report(job, tmp_path / "figures", pd.DataFrame(rows), pd.DataFrame())

    return make


@pytest.mark.parametrize("method", COLUMNS)
def test_figures_are_drawn_from_histories(method: str, report_of: Callable[..., Report]) -> None:
    assert_draws(report_of(method, COLUMNS[method]), method)


def test_figures_are_drawn_where_nothing_was_measured(report_of: Callable[..., Report]) -> None:
    assert_draws(report_of("htl", ("loss",), variants=0), "htl")


def test_the_tree_is_drawn_from_what_a_training_keeps(report_of: Callable[..., Report]) -> None:
    method = build({"method": "htl", "seeds": 2, "group": 2}, images=320)
    advance(method, 9)
    report = report_of("htl", COLUMNS["htl"], variants=1)
    save_tensors(method.diagnostics.arrays, Path("models/tiny/htl/seed0/diagnostics.safetensors"))
    METHODS.figures("htl")["htl-tree"](report)
    assert (report.folder / "htl-tree.svg").stat().st_size > 20_000


@pytest.mark.parametrize("method", COLUMNS)
def test_what_figures_show_is_logged(method: str) -> None:
    own = {"htl": {"seeds": 2, "group": 2}, "spectral": {"head": 4}}.get(method, {})
    logged = advance(build({"method": method, **own}), 14).means()
    assert {name for name in COLUMNS[method] if not name.startswith("val_")} <= set(logged)
