"""From the artefacts of all runs to tidy tables."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hardmine.artefacts import Job
from hardmine.errors import UserError
from hardmine.retrieval import compare, summarise
from hardmine.retrieval.evaluate import FINAL

__all__ = ["collect_details", "collect_histories", "results_of", "statistics_of"]


def collect_details(job: Job) -> pd.DataFrame:
    """Every measured value: ``dataset, run, method, seed, embedding, split, protocol, draw, metric, k, value``."""
    rows = []
    for run, seed in _runs(job):
        path = Path("metrics", job.plan, run, f"seed{seed}", "metrics.json")
        try:
            values = json.loads(path.read_text())["values"]
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{path}: cannot be read ({error}). Delete made.json beside it and run again.") from None
        method = job.settings["runs"][run]["method"]
        head = {"dataset": job.settings["dataset"], "run": run, "method": method, "seed": seed}
        rows += [{**head, **value} for value in values]
    table = pd.DataFrame(rows)
    table["k"] = table["k"].astype("Int64")
    return table


def collect_histories(job: Job) -> pd.DataFrame:
    """All rows of all ``history.csv``, with ``run`` and ``seed``."""
    parts = []
    for run, seed in _runs(job):
        path = Path("models", job.plan, run, f"seed{seed}", "history.csv")
        try:
            part = pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read ({error}). Delete made.json beside it and run again.") from None
        parts.append(part.assign(run=run, seed=seed))
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def results_of(details: pd.DataFrame, split: str = "test") -> pd.DataFrame:
    """The final embedding on a split; on the test split it is ``results.csv``.

    Of draws and starts the value that counts (draw 0); of protocols that measure the same, the first.
    """
    final = details[(details.embedding == FINAL) & (details.split == split) & (details.draw == 0)]
    final = final.drop_duplicates(["run", "seed", "metric", "k"])
    return final[["dataset", "run", "method", "seed", "metric", "k", "value"]].reset_index(drop=True)


def statistics_of(results: pd.DataFrame, baseline: str, seeds: Sequence[int] | None = None) -> pd.DataFrame:
    """``statistics.csv``: for each metric and run, the mean over seeds, and the paired comparison with the baseline.

    Args:
        results: as ``results_of`` makes it; a value that is not finite counts as missing.
        baseline: the run that others are compared with.
        seeds: those a run should have; without, all that any run has.

    Returns:
        ``run, metric, k, mean, half_width, seeds, seeds_expected``, and for runs other than the baseline ``difference,
        difference_half_width, seeds_shared, p, p_holm``; ``verdict`` for all.
    """
    expected = len(set(results.seed) if seeds is None else set(seeds))
    names = list(dict.fromkeys(results.run))
    rows = []
    for (metric, k), part in results.groupby(["metric", "k"], dropna=False, sort=False):
        runs: dict[str, dict[int, float]] = {run: {} for run in names}
        for row in part.itertuples():
            runs[row.run][row.seed] = row.value
        against = compare(runs, baseline) if baseline in runs else {}
        for run, values in runs.items():
            line: dict[str, Any] = {"run": run, "metric": metric, "k": k, **vars(summarise(values))}
            line["seeds_expected"] = expected
            if run in against:
                other = against[run]
                line |= {"difference": other.difference, "difference_half_width": other.half_width}
                line |= {"seeds_shared": other.seeds, "p": other.p, "p_holm": other.p_holm, "verdict": other.verdict}
            else:
                line["verdict"] = "baseline"
            rows.append(line)
    table = pd.DataFrame(rows)
    return table.astype({"seeds_shared": "Int64"}) if "seeds_shared" in table else table


def _runs(job: Job) -> list[tuple[str, int]]:
    return [(run, seed) for run in job.settings["runs"] for seed in job.settings["seeds"]]
