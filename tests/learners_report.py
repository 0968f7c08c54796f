"""A report of made-up runs of a method with several learners, for tests of its figures."""

from pathlib import Path

import numpy as np
import pandas as pd

from hardmine.artefacts import Job
from hardmine.plotting import Report
from hardmine.settings.methods import METHODS


def report_of(tmp_path: Path, method: str, runs: dict[str, dict], learners: int = 3) -> Report:
    """Three epochs of two seeds of each run; the current folder is that of the project."""
    model = METHODS.settings(method)
    settings = {name: model.model_validate({"method": method, **keys}).own() for name, keys in runs.items()}
    columns = {f"val_learner{k}_recall@1": 0.1 * k for k in range(1, learners + 1)} | {"val_first2_recall@1": 0.5}
    rows = [
        {
            "run": run,
            "seed": seed,
            "epoch": epoch,
            "images": 100 * epoch,
            "val_recall@1": epoch / 9,
            "correlation": 0.9 / epoch,
        }
        | columns
        for run in runs
        for seed in (0, 1)
        for epoch in (1, 2, 3)
    ]
    (tmp_path / "figures").mkdir()
    (tmp_path / "packed").mkdir()
    np.save(tmp_path / "packed/images.npy", np.random.default_rng(0).integers(0, 256, (9, 8, 8, 1)).astype(np.uint8))
    where = {"packed": str(tmp_path / "packed")}
    job = Job("tiny", "figures", "report/tiny", (), (), {"runs": settings, "seeds": [0, 1]}, where)
    return Report(job, tmp_path / "figures", pd.DataFrame(rows), pd.DataFrame())
