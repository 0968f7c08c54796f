"""Figures of methods with made samples are drawn from histories and kept points, also where there is little of them."""

import numpy as np
import pandas as pd
import pytest
from drawn import assert_draws, keep

from hardmine.artefacts import Job
from hardmine.plotting import Report

COLUMNS = {
    "daml": ("way", "best_way", "violating_made"),
    "dvml": ("kl", "sigma", "unexplained"),
    "htg": ("gap_made", "moved_negative", "kept_label"),
}


def report_of(folder, method, variants):
    runs = {run: {"method": method, "variant": variant} for run, variant in variants.items()}
    job = Job("tiny", "figures", "report/tiny", (), (), {"runs": runs, "seeds": [0, 1]}, {})
    rows = []
    for run, variant in variants.items():
        for seed, epoch in [(seed, epoch) for seed in (0, 1) for epoch in range(1, 5)]:
            made = epoch > 1 and variant != "base"
            values = {name: 1 / epoch + place if made else None for place, name in enumerate(COLUMNS[method])}
            rows.append({"run": run, "seed": seed, "epoch": epoch, "images": 4000 * epoch, **values})
    report = Report(job, folder / "figures", pd.DataFrame(rows), pd.DataFrame())
    report.folder.mkdir()
    return report


def keep_points(run, moments):
    draws = np.random.default_rng(1)
    kinds = {"negatives": 30, "synthetic": 30, "positives": 2}
    shapes = {f"{moment}-{kind}": (count, 8) for moment in moments for kind, count in kinds.items()}
    keep(run, **{name: draws.normal(size=shape).astype(np.float32) for name, shape in shapes.items()})


@pytest.mark.parametrize("method", list(COLUMNS))
def test_figures_show_runs_with_made_samples(method, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, method, {"one": "full", "zero": "base"})
    keep_points("one", ("early",))
    assert_draws(report, method)


@pytest.mark.parametrize("method", list(COLUMNS))
def test_figures_say_so_where_nothing_was_made(method, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_draws(report_of(tmp_path, method, {"zero": "base"}), method)
