"""Where kept results stand, and what they say of each run and draw."""

from functools import cache
from pathlib import Path

import pandas as pd

from hardmine.comparing.reading import of_metric, taken_apart
from hardmine.comparing.replicates import Replicate

HERE = Path(__file__).parent
EXPERIMENTS = HERE.parents[1] / "experiments"
GROUPS = {
    "reality": {
        "reality-glyphs": "reality-glyphs",
        "reality-glyphs-6-10": "reality-glyphs",  # draws 6 to 10, made later
        "reality-omniglot": "reality-omniglot",
        "reality-cub": "reality-cub",
    },
    "hdc-alike": {"glyphs-hdc-alike": "glyphs-hdc-alike", "omniglot-hdc-alike": "omniglot-hdc-alike"},
}
"""Kept results whose questions are answered together, and their plans."""


def kept_of(plan: str) -> list[Path]:
    """The kept results of a plan, each of other draws of its classes."""
    found = [HERE / name for group in GROUPS.values() for name, own in group.items() if own == plan]
    return [folder for folder in found if folder.is_dir()] or [HERE / plan]


def replicates_of(folder: Path, metric: str) -> pd.DataFrame:
    """The rows of a metric in a kept result: ``run, seed, value``."""
    return of_metric(pd.read_csv(folder / "replicates.csv", dtype={"run": str}), *taken_apart(metric))


@cache
def values_of(plan: str, metric: str = "recall@1") -> dict[str, dict[Replicate, float]]:
    """A metric of each run by seed, of all that is kept of a plan."""
    table = pd.concat([replicates_of(folder, metric) for folder in kept_of(plan)])
    return {
        str(run): dict(zip((("", seed) for seed in part.seed), part.value, strict=True))
        for run, part in table.groupby("run")
    }


def trials_of(plan: str, run: str) -> pd.DataFrame | None:
    """The trials of a run's search; None where it was not searched."""
    path = HERE / plan / f"trials-{run}.csv"
    return pd.read_csv(path) if path.exists() else None
