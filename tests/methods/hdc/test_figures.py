"""HDC's figures are drawn from what training kept, for three levels and for one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file

from hardmine.artefacts import Job
from hardmine.errors import UserError
from hardmine.figures.own import caption_of
from hardmine.methods.hdc.figures import FIGURES, main_run
from hardmine.methods.hdc.settings import HDC
from hardmine.plotting import Report

NAMES = list(HDC.diagnostics)


def report_of(tmp_path, monkeypatch, **ratios):
    monkeypatch.chdir(tmp_path)
    runs = {"other": {"method": "triplet"}}
    runs |= {name: HDC(method="hdc", ratios=shares).own() for name, shares in ratios.items()}
    rows = [
        {"run": run, "seed": seed, "epoch": epoch, "images": 100 * epoch, "val_recall@1": epoch / 9}
        | {f"level{level}_active_negatives": 30 / epoch for level in (1, 2, 3)}
        | {f"level{level}_loss_all": 1 / epoch for level in (1, 2, 3)}
        for run in runs
        for seed in (0, 1)
        for epoch in (1, 2, 3)
    ]
    (tmp_path / "figures").mkdir()
    job = Job("tiny", "figures", "report/tiny", (), (), {"runs": runs, "seeds": [0, 1]}, {})
    return Report(job, tmp_path / "figures", pd.DataFrame(rows), pd.DataFrame())


def keep(run, levels):
    labels = np.repeat(np.arange(3), 4)
    draws = np.random.default_rng(0)
    folder = Path("models/tiny", run, "seed0")
    folder.mkdir(parents=True)
    pairs = 12 * 11 // 2
    arrays = {
        "last_labels": labels,
        "last_distances": draws.random((levels, pairs)).astype(np.float32) * 2,
        "last_kept": draws.integers(0, 2, (levels, pairs)).astype(np.uint8),
    }
    save_file(arrays, folder / "diagnostics.safetensors")


@pytest.mark.parametrize("ratios", [(1, 0.5, 0.2), (0.5,)])
def test_all_figures_are_drawn(ratios, tmp_path, monkeypatch):
    report = report_of(tmp_path, monkeypatch, hdc=ratios)
    keep("hdc", len(ratios))
    for name in NAMES:
        FIGURES[name](report)
    for name in NAMES:
        assert (report.folder / f"{name}.svg").stat().st_size > 1000
        with Image.open(report.folder / f"{name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 5


def test_the_same_arrays_give_the_same_bytes(tmp_path, monkeypatch):
    report = report_of(tmp_path, monkeypatch, hdc=(1, 0.5, 0.2))
    keep("hdc", 3)
    drawn = []
    for _ in range(2):
        FIGURES["hdc-pairs"](report)
        drawn.append((report.folder / "hdc-pairs.svg").read_bytes())
    assert drawn[0] == drawn[1]


def test_the_main_run_is_hdc_or_the_one_with_the_most_levels(tmp_path, monkeypatch):
    runs = {"hdc-one": (1,), "hdc-two": (1, 0.5), "hdc-pair": (1, 1)}
    assert main_run(report_of(tmp_path, monkeypatch, **runs)) == "hdc-two"


def test_the_run_called_hdc_is_the_main_one(tmp_path, monkeypatch):
    assert main_run(report_of(tmp_path, monkeypatch, **{"hdc-three": (1, 1, 1), "hdc": (1,)})) == "hdc"


def test_a_run_that_kept_nothing_is_named(tmp_path, monkeypatch):
    report = report_of(tmp_path, monkeypatch, hdc=(1, 0.5, 0.2))
    Path("models/tiny/hdc/seed0").mkdir(parents=True)
    save_file({"other": np.zeros(1)}, "models/tiny/hdc/seed0/diagnostics.safetensors")
    with pytest.raises(UserError, match="hdc: its training kept no pairs"):
        FIGURES["hdc-losses"](report)


def test_every_figure_has_a_caption_of_one_line():
    assert all(caption_of(FIGURES[name]).endswith(".") and "HDC" in caption_of(FIGURES[name]) for name in NAMES)
