"""What tests of a method's figures ask alike, and what they draw from."""

from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from hardmine.figures.own import caption_of
from hardmine.plotting import Report
from hardmine.settings.methods import METHODS


def keep(run: str, **arrays: np.ndarray) -> None:
    """What a run's training kept, below the current folder; an array that no figure reads where nothing is given."""
    folder = Path("models/tiny", run, "seed0")
    folder.mkdir(parents=True, exist_ok=True)
    save_file(arrays or {"other": np.zeros(1)}, folder / "diagnostics.safetensors")


def assert_draws(report: Report, method: str) -> None:
    """All figures that a method's settings name are drawn, not empty, in both formats, and have captions."""
    figures = METHODS.figures(method)
    assert set(figures) == set(METHODS.settings(method).diagnostics)
    for name, draw in figures.items():
        assert caption_of(draw).endswith(".")
        assert len(caption_of(draw)) > 40
        draw(report)
        assert (report.folder / f"{name}.svg").stat().st_size > 1000
        with Image.open(report.folder / f"{name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 2
