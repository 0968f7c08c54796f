"""SCHEM's figures are drawn from what training kept, also where there is little of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file

from hardmine.artefacts import Job
from hardmine.figures.own import caption_of
from hardmine.methods.schem.figures import FIGURES
from hardmine.methods.schem.settings import SCHEM
from hardmine.plotting import Report


@pytest.fixture
def report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    searching, blind = SCHEM(method="schem").own(), SCHEM(method="schem", class_stage="random").own()
    runs = {"schem": searching, "schem-late": searching, "schem-random-batches": blind, "other": {"method": "triplet"}}
    packed = Path("data/packed/glyphs-8")
    packed.mkdir(parents=True)
    np.save(packed / "images.npy", np.random.default_rng(0).integers(0, 255, (30, 8, 8, 1)).astype(np.uint8))
    settings = {"runs": runs, "seeds": [0, 1]}
    job = Job("tiny", "figures", "report/tiny", (), (), settings, {"packed": str(packed)})
    rows = [
        {
            "run": run,
            "seed": seed,
            "epoch": epoch,
            "images": 100 * (epoch + 1),
            "violating": 0.5 / (epoch + 1),
            "signature_recall": 0.1 * epoch,
        }
        for run in runs
        for seed in (0, 1)
        for epoch in range(3)
    ]
    return Report(job, tmp_path / "figures", pd.DataFrame(rows), pd.DataFrame())


def keep(run, **arrays):
    folder = Path("models/tiny", run, "seed0")
    folder.mkdir(parents=True, exist_ok=True)
    save_file(arrays, folder / "diagnostics.safetensors")


def drawn(report):
    (report.folder).mkdir(exist_ok=True)
    for name in list(SCHEM.diagnostics):
        FIGURES[name](report)
    for name in SCHEM.diagnostics:
        assert (report.folder / f"{name}.svg").stat().st_size > 1000
        with Image.open(report.folder / f"{name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 5


def test_figures_are_drawn_from_histories_and_kept_pairs(report):
    pairs, similarities = np.arange(12).reshape(6, 2), np.linspace(0.9, 0.4, 6, dtype=np.float32)
    moments = {f"hard_pairs_{moment}": pairs for moment in ("start", "first", "last")}
    for run in ("schem", "schem-late"):
        keep(run, **moments, **{f"{name}_similarity": similarities for name in moments})
    drawn(report)


def test_figures_are_drawn_where_no_run_learned_signatures(report):
    for run in ("schem", "schem-late"):
        keep(run)
    short = report.histories.drop(columns="signature_recall")
    drawn(Report(report.job, report.folder, short, report.details))


def test_every_figure_has_a_caption_of_one_line():
    for name in SCHEM.diagnostics:
        assert caption_of(FIGURES[name]).endswith(".")
        assert len(caption_of(FIGURES[name])) > 40
