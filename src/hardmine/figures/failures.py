"""Trainings that diverged or collapsed: results of their settings, marked wherever they count."""

from collections.abc import Mapping

import pandas as pd

from hardmine.artefacts import Record

__all__ = ["COLUMNS", "failed_seeds", "sentences_on"]

COLUMNS = ["run", "seed", "step", "reason", "counts"]


def failed_seeds(records: Mapping[str, Record]) -> pd.DataFrame:
    """``failed.csv``: the run, the seed, the step, the reason, and what it counts with.

    Args:
        records: of a report's inputs, by folder.
    """
    rows = []
    for folder, record in records.items():
        if folder.startswith("models/") and record.failed:
            _, _, run, seed = folder.split("/")
            rows.append({"run": run, "seed": int(seed.removeprefix("seed")), **record.failed})
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["run", "seed"], ignore_index=True)


def sentences_on(failed: pd.DataFrame) -> list[str]:
    """A sentence for each training that failed."""
    return [
        f"{row.run}, seed {row.seed}: failed at step {row.step:,} and counts with {row.counts} "
        f"({row.reason.removesuffix('.')})"
        for row in failed.itertuples()
    ]
