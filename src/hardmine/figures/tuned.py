"""What tuning did for each run: the plan's settings beside tuned ones, and whether the budget decided the ranking."""

import json
import math
from collections.abc import Mapping, Sequence
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from hardmine.artefacts import Job
from hardmine.errors import UserError
from hardmine.foreign import markdown_table
from hardmine.plotting.style import COLUMN, figure, line_of, save

from .tables import percent

__all__ = ["expected_best", "plot_budget", "read_trials", "shown_rows", "tuned_markdown", "tuned_rows"]

METRIC = "map@r"


def read_trials(job: Job) -> dict[str, pd.DataFrame]:
    """``trials.csv`` of each searched run, in the plan's order; empty where the plan tunes nothing.

    Raises:
        UserError: one cannot be read.
    """
    found = {}
    for run in job.settings.get("tuning", {}).get("keys", {}):
        path = Path("tuning", job.plan, run, "table", "trials.csv")
        try:
            columns = list(pd.read_csv(path, nrows=0))
            values = columns[
                columns.index("searched") + 1 : columns.index(METRIC)
            ]  # JSON, which pandas would read anew
            found[run] = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(values, str))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read ({error}). Delete made.json beside it and run again.") from None
    order = [run for run in job.settings["order"] if run in found]
    return {run: found[run] for run in order}


def tuned_rows(job: Job, trials: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """``tuned.csv``: a row a searched run; scores are shares, means over folds of held-out training classes.

    Columns: ``run, keys`` (how many are searched), ``trials, own`` (trial 0: the settings in the plan) with
    ``own_se``, ``rate_only`` (the best of trial 0 and those that move the learning rate alone), ``tuned`` (the
    chosen trial) with ``tuned_se``, ``gain`` (tuned minus own), ``failed`` (folds of all trials that diverged
    or collapsed), ``chosen`` (its number) and ``values`` (JSON).
    """
    rows = []
    for run, table in trials.items():
        own, chosen = table.iloc[0], table[table.chosen == "yes"].iloc[0]
        keys = job.settings["tuning"]["keys"][run]
        values = {key: json.loads(str(chosen[key])) for key in table.columns if _is_value(key, chosen, table)}
        rows.append(
            {
                "run": run,
                "keys": len(keys),
                "trials": len(table),
                "own": own[METRIC],
                "own_se": own[f"{METRIC}_se"],
                "rate_only": table[table.searched != "all"][METRIC].max(),
                "tuned": chosen[METRIC],
                "tuned_se": chosen[f"{METRIC}_se"],
                "gain": chosen[METRIC] - own[METRIC],
                "failed": int(table.failed.sum()),
                "chosen": int(chosen.trial),
                "values": json.dumps(values),
            }
        )
    return pd.DataFrame(rows)


def _is_value(key: str, chosen: pd.Series, table: pd.DataFrame) -> bool:
    """Whether a column holds a searched key for which the chosen trial has a value."""
    columns = list(table.columns)
    return columns.index("searched") < columns.index(key) < columns.index(METRIC) and not pd.isna(chosen[key])


def expected_best(scores: Sequence[float] | np.ndarray) -> np.ndarray:
    """The expected best of n trials drawn without replacement, for n from 1 to all of them (Dodge et al. 2019).

    Args:
        scores: one a trial.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    count = len(ordered)
    chances = [[comb(rank, drawn - 1) / comb(count, drawn) for rank in range(count)] for drawn in range(1, count + 1)]
    return np.asarray(chances) @ ordered


def plot_budget(trials: Mapping[str, pd.DataFrame], folder: Path, name: str = "budget", png: bool = True) -> None:
    """How the best score on held-out training classes grows with the number of trials, one line a run."""
    runs = list(trials)
    with figure(COLUMN, 2.4 + 0.13 * math.ceil(len(runs) / 2)) as (drawn, axes):
        for run, table in trials.items():
            dash, colour = line_of(run, runs)
            best = expected_best(table[METRIC].to_numpy())
            axes.plot(np.arange(1, len(best) + 1), best, dash, color=colour, label=run, linewidth=1.2)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.set_xlabel("trials")
        axes.set_ylabel("expected best MAP@R on folds")
        drawn.legend(loc="outside lower center", ncols=2, fontsize=7, handlelength=2.2, labelspacing=0.25)
        save(drawn, folder, name, png)


def tuned_markdown(table: pd.DataFrame) -> str:
    """Markdown of ``tuned_rows``: percent, mean ± standard error over folds."""
    titles = ("run", "keys", "as in the plan", "rate only", "tuned", "gain", "failed folds", "chosen")
    rows = []
    for row in shown_rows(table):
        own = percent(100 * row["own"], 100 * row["own_se"])
        tuned = percent(100 * row["tuned"], 100 * row["tuned_se"])
        cells = [row["run"], row["keys"], own, f"{100 * row['rate_only']:.1f}", tuned]
        rows.append([*cells, f"{100 * row['gain']:+.1f}", row["failed"], row["words"]])
    return markdown_table(titles, "-::::::-", rows)


def shown_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of ``tuned_rows`` for the page: values as text."""
    rows = []
    for row in table.to_dict("records"):
        values = json.loads(row["values"])
        words = ", ".join(f"{key.removeprefix('training.')} {_text(value)}" for key, value in values.items())
        rows.append({**row, "words": words or "its own settings"})
    return rows


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else json.dumps(value)
