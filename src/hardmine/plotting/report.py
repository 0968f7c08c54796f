"""What a figure of a method's own may read."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from safetensors.numpy import load_file

from hardmine.artefacts import Job
from hardmine.errors import UserError

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """What a method's figure may read.

    Attributes:
        job: the figures job; ``job.settings["runs"][run]`` are the settings of a run's method.
        folder: where the figure goes, as ``<name>.svg`` and ``<name>.png`` (``hardmine.plotting.save``).
        histories: all ``history.csv`` rows, with ``run`` and ``seed``.
        details: all measured values, see ``hardmine.figures.collect.collect_details``.
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
