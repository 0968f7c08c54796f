"""Figures of methods with made samples are drawn from histories and kept points, also where there is little of them."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file

from hardmine.artefacts import Job
from hardmine.figures.own import caption_of
from hardmine.plotting import Report
from hardmine.settings.methods import METHODS

COLUMNS = {
    "daml": ("way", "best_way", "violating_made"),
    "dvml": ("kl", "sigma", "unexplained"),
    "htg": ("gap_made", "moved_negative", "kept_label"),
}


def figures_of(method):
    return import_module(f"hardmine.methods.{method}.figures").FIGURES


def report_of(folder, method, variants):
    runs = {run: {"method": method, "variant": variant} for run, variant in variants.items()}
    job = Job("tiny", "figures", "report/tiny", (), (), {"runs": runs, "seeds": [0, 1]}, {})
    rows = []
    for run, variant in variants.items():
        for seed, epoch in [(seed, epoch) for seed in (0, 1) for epoch in range(1, 5)]:
            made = epoch > 1 and variant != "base"
            values = {name: 1 / epoch + place if made else None for place, name in enumerate(COLUMNS[method])}
            rows.append({"run": run, "seed": seed, "images": 4000 * epoch, **values})
    report = Report(job, folder / "figures", pd.DataFrame(rows), pd.DataFrame())
    report.folder.mkdir()
    return report


def keep(run, moments):
    draws = np.random.default_rng(1)
    folder = Path("models/tiny", run, "seed0")
    folder.mkdir(parents=True)
    kinds = {"negatives": 30, "synthetic": 30, "positives": 2}
    arrays = {f"{m}-{kind}": draws.normal(size=(n, 8)).astype(np.float32) for m in moments for kind, n in kinds.items()}
    save_file(arrays, folder / "diagnostics.safetensors")


def check(report, method):
    figures = figures_of(method)
    assert list(figures) == list(METHODS.settings(method).diagnostics)
    for name, draw in figures.items():
        assert caption_of(draw).endswith(".")
        draw(report)
        assert (report.folder / f"{name}.svg").stat().st_size > 1000
        with Image.open(report.folder / f"{name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 4


@pytest.mark.parametrize("method", list(COLUMNS))
def test_figures_show_runs_with_made_samples(method, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, method, {"one": "full", "zero": "base"})
    keep("one", ("early",))
    check(report, method)


@pytest.mark.parametrize("method", list(COLUMNS))
def test_figures_say_so_where_nothing_was_made(method, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(report_of(tmp_path, method, {"zero": "base"}), method)
