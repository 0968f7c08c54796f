"""HDML's figures are drawn from histories and kept points, also where there is little of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file

from hardmine.artefacts import Job
from hardmine.figures.own import caption_of
from hardmine.methods.hdml.figures import FIGURES
from hardmine.methods.hdml.settings import HDML
from hardmine.plotting import Report

COLUMNS = (
    "metric_loss",
    "synthetic_loss",
    "classifier_real",
    "classifier_synthetic",
    "reconstruction_loss",
    "soft_loss",
)


def report_of(folder, variants):
    runs = {run: {"method": "hdml", "variant": variant} for run, variant in variants.items()}
    runs["other"] = {"method": "triplet"}
    job = Job("tiny", "figures", "report/tiny", (), (), {"runs": runs, "seeds": [0, 1]}, {})
    rows = [
        {
            "run": run,
            "seed": seed,
            "epoch": epoch,
            "images": 4000 * epoch,
            "lambda": 1 / epoch,
            "lambda0": 1 - epoch / 9,
            "weight": 0.8,
        }
        | {column: (place + 2) * 3.0 / epoch for place, column in enumerate(COLUMNS)}
        for run in runs
        for seed in (0, 1)
        for epoch in range(1, 6)
    ]
    report = Report(job, folder / "figures", pd.DataFrame(rows), pd.DataFrame())
    report.folder.mkdir()
    return report


def keep(run, *moments):
    draws = np.random.default_rng(1)
    arrays = {}
    for moment in moments:
        negatives = draws.normal(size=(49, 8)).astype(np.float32) * 4
        arrays[f"{moment}-negatives"], arrays[f"{moment}-pulled"] = negatives, negatives * 0.6
        arrays[f"{moment}-synthetic"] = negatives * 0.6 + 0.5
        arrays[f"{moment}-positives"] = np.ones((1, 8), np.float32)
    folder = Path("models/tiny", run, "seed0")
    folder.mkdir(parents=True)
    save_file(arrays, folder / "diagnostics.safetensors")


def check(report):
    for name in list(HDML.diagnostics):
        FIGURES[name](report)
    for name in HDML.diagnostics:
        assert (report.folder / f"{name}.svg").stat().st_size > 1000
        with Image.open(report.folder / f"{name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 5


@pytest.mark.parametrize("moments", [("early", "late"), ("late",), ()])
def test_figures_show_the_full_runs_with_what_they_kept(tmp_path, monkeypatch, moments):
    monkeypatch.chdir(tmp_path)
    report = report_of(
        tmp_path, {"hdml-npair": "full", "hdml-triplet": "full", "hdml-npair-no-pull": "no-pull", "b": "base"}
    )
    keep("hdml-npair", *moments)
    keep("hdml-triplet", *moments)
    check(report)


def test_figures_say_so_where_only_base_losses_ran(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(report_of(tmp_path, {"hdml-npair-base": "base"}))


def test_every_figure_has_a_caption():
    for name in HDML.diagnostics:
        assert caption_of(FIGURES[name]).endswith(".")
