"""Figures of the methods' own: which function draws which."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd
from safetensors.numpy import load_file

from hardmine.artefacts import Job
from hardmine.errors import UserError

__all__ = ["DIAGNOSTICS", "Report", "caption_of", "draw_diagnostics"]

DIAGNOSTICS: dict[str, str] = {
    "hdc-losses": "hardmine.figures.hdc:draw_losses",
    "hdc-pairs": "hardmine.figures.hdc:draw_pairs",
    "hdc-training": "hardmine.figures.hdc:draw_training",
    "schem-signature-recall": "hardmine.figures.schem:signature_recall",
    "schem-violating-share": "hardmine.figures.schem:violating_share",
    "schem-hard-pairs": "hardmine.figures.schem:hard_pairs",
    "hdml-hardness": "hardmine.figures.hdml:draw_hardness",
    "hdml-losses": "hardmine.figures.hdml:draw_losses",
    "hdml-negatives": "hardmine.figures.hdml:draw_negatives",
    "smart-mining-controller": "hardmine.figures.smart_mining:controller",
    "smart-mining-distances": "hardmine.figures.smart_mining:distances",
    "smart-mining-convergence": "hardmine.figures.smart_mining:convergence",
}
"""Name of a figure to ``module:function``; it takes a ``Report``, and its docstring's first line is the caption."""


@dataclass(frozen=True)
class Report:
    """What a diagnostic figure may read.

    Attributes:
        job: the figures job; ``job.settings["runs"][run]`` are the settings of a run's method.
        folder: where the figure goes, as ``<name>.svg`` and ``<name>.png`` (``style.save``).
        histories: all ``history.csv`` rows, with ``run`` and ``seed``.
        details: all measured values, see ``collect_details``.
    """

    job: Job
    folder: Path
    histories: pd.DataFrame
    details: pd.DataFrame

    def runs_of(self, method: str) -> list[str]:
        """Runs of a method, in the plan's order."""
        return [run for run, own in self.job.settings["runs"].items() if own["method"] == method]

    def arrays(self, run: str, seed: int | None = None) -> dict[str, object]:
        """What a run's training kept in ``diagnostics.safetensors``; by default of the first seed."""
        seed = self.job.settings["seeds"][0] if seed is None else seed
        path = Path("models", self.job.plan, run, f"seed{seed}", "diagnostics.safetensors")
        try:
            return dict(load_file(path))
        except Exception as error:
            reason = f"cannot be read as safetensors ({error})"
            raise UserError(f"{path}: {reason}. Delete made.json beside it and run again.") from None


def draw_diagnostics(report: Report, names: list[str]) -> None:
    """Draw the named figures."""
    for name in names:
        _function(name)(report)


def caption_of(name: str) -> str:
    """The caption of a diagnostic figure: the first line of its function's docstring."""
    return (_function(name).__doc__ or name).strip().splitlines()[0]


def _function(name: str) -> Callable[[Report], None]:
    module, _, attribute = DIAGNOSTICS[name].partition(":")
    return getattr(import_module(module), attribute)
