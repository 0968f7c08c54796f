"""Which metric a report puts first, and which run is best by it."""

import pandas as pd

__all__ = ["best_run", "main_metric", "of_metric", "rank_metric"]


def main_metric(statistics: pd.DataFrame) -> tuple[str, int | None]:
    """Recall at the smallest k, or the first metric where there is no recall; its name and k."""
    recall = statistics[statistics.metric == "recall"]
    if len(recall):
        return "recall", int(recall.k.min())
    first = statistics.iloc[0]
    return str(first.metric), None if pd.isna(first.k) else int(first.k)


def rank_metric(statistics: pd.DataFrame) -> str | None:
    """The first metric measured at several k (``recall``, ``cmc``), None where there is none."""
    found = statistics.dropna(subset=["k"])
    return None if found.empty else str(found.metric.iloc[0])


def of_metric(table: pd.DataFrame, metric: str, k: int | None) -> pd.DataFrame:
    """The rows of one metric and k."""
    return table[(table.metric == metric) & (table.k.isna() if k is None else table.k == k)]


def best_run(statistics: pd.DataFrame) -> str:
    """The run with the highest mean of the main metric; the first where nothing could be measured."""
    rows = of_metric(statistics, *main_metric(statistics))
    known = rows.dropna(subset=["mean"])
    return str((known.loc[known["mean"].idxmax()] if len(known) else rows.iloc[0]).run)
