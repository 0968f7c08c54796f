"""Smart Mining's figures are drawn from what training kept, also where there is little of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file

from hardmine.artefacts import Job
from hardmine.figures.own import caption_of
from hardmine.methods.smart_mining.figures import FIGURES
from hardmine.methods.smart_mining.settings import SmartMining
from hardmine.plotting import Report

RUNS = {
    "smart-mining": {},
    "smart-mining-schedule": {"kappa_mode": "schedule"},
    "smart-mining-no-global": {"global_weight": 0},
    "smart-mining-random": {"mined_share": 0},
}


@pytest.fixture
def report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = {name: SmartMining(method="smart-mining", **keys).own() for name, keys in RUNS.items()}
    settings = {"runs": runs | {"other": {"method": "triplet"}}, "seeds": [0, 1]}
    job = Job("tiny", "figures", "report/tiny", (), (), settings, {})
    rows = []
    for place, run in enumerate(settings["runs"]):
        for seed in (0, 1):
            for epoch in range(1, 11):
                row = {"run": run, "seed": seed, "epoch": epoch, "val_recall@1": 0.6 - 0.4 / epoch - 0.02 * place}
                row |= {"error_all": 0.6 - 0.02 * epoch, "error_random": 0.5 - 0.03 * epoch}
                if epoch > 2 and "random" not in run:
                    row["kappa"] = 12 / epoch + place
                rows.append(row)
    return Report(job, tmp_path / "figures", pd.DataFrame(rows), pd.DataFrame())


def keep(run, **arrays):
    folder = Path("models/tiny", run, "seed0")
    folder.mkdir(parents=True, exist_ok=True)
    save_file(arrays, folder / "diagnostics.safetensors")


def drawn(report):
    report.folder.mkdir(exist_ok=True)
    for name in list(SmartMining.diagnostics):
        FIGURES[name](report)
    for name in SmartMining.diagnostics:
        assert (report.folder / f"{name}.svg").stat().st_size > 1000
        with Image.open(report.folder / f"{name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 5


def test_figures_are_drawn_from_histories_and_kept_distances(report):
    draws = np.random.default_rng(0)
    means = ((0.8, 0.6), (0.6, 0.9))
    counts = [[np.histogram(draws.normal(mean, 0.15, 400), 40, (0, 2))[0] for mean in pair] for pair in means]
    arrays = {f"distances_{moment}": np.array(counts, dtype=np.int64) for moment in ("first", "last")}
    keep("smart-mining", **arrays)
    for run in list(RUNS)[1:]:
        keep(run, none=np.zeros(1))
    drawn(report)


def test_figures_are_drawn_where_nothing_was_mined(report):
    for run in RUNS:
        keep(run, none=np.zeros(1))
    bare = report.histories[["run", "seed", "epoch"]].copy()
    drawn(Report(report.job, report.folder, bare, report.details))


def test_captions_are_one_line():
    for name in SmartMining.diagnostics:
        assert len(caption_of(FIGURES[name])) > 20
