"""The results table, for reading and for papers."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from hardmine.foreign import markdown_table
from hardmine.retrieval.evaluate import WITHOUT_MATCH

from .titles import LESS_IS_BETTER, notes_on, title_of

__all__ = ["escaped", "percent", "seeds_of", "table_markdown", "table_rows", "table_tex"]

_SPECIAL = {letter: f"\\{letter}" for letter in "&%$#_{}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


def table_rows(statistics: pd.DataFrame) -> tuple[list[tuple[str, Any]], list[dict[str, Any]]]:
    """Columns (metric, k) in their order, and one dict a run.

    Cells hold mean and half width in percent, nan where they are missing; runs are sorted by the first metric, best
    first, missing ones last. ``seeds`` is how many have the first metric, ``seeds_expected`` how many should.
    """
    columns = list(statistics[["metric", "k"]].drop_duplicates().itertuples(index=False, name=None))
    rows = []
    for run, part in statistics.groupby("run", sort=False):
        by_metric = {title_of(row.metric, row.k): row for row in part.itertuples()}
        first = by_metric[title_of(*columns[0])]
        rows.append(
            {
                "run": run,
                "seeds": int(first.seeds),
                "seeds_expected": int(first.seeds_expected),
                "verdict": first.verdict,
                "difference": 100 * first.difference if first.verdict != "baseline" else math.nan,
                "difference_half_width": 100 * first.difference_half_width if first.verdict != "baseline" else math.nan,
                "p_holm": first.p_holm if first.verdict != "baseline" else math.nan,
                "cells": [_cell(by_metric.get(title_of(*column))) for column in columns],
            }
        )
    rows.sort(key=lambda row: (math.isnan(row["cells"][0][0]), -row["cells"][0][0]))
    return columns, rows


def table_markdown(statistics: pd.DataFrame, baseline: str, notes: Sequence[str] = ()) -> str:
    """Markdown: mean ± half width of the 95 % t-interval over seeds, in percent; the difference to the baseline.

    Args:
        statistics: see ``statistics_of``.
        baseline: the run that others are compared with.
        notes: sentences below the table.
    """
    columns, rows = table_rows(statistics)
    measured = [title_of(*column) for column in columns]
    titles = ("run", "seeds", *measured, f"{measured[0]} minus {baseline}", "verdict")
    body = []
    for row in rows:
        cells = (percent(*cell) for cell in row["cells"])
        gap = row["difference"], row["difference_half_width"]
        difference = "" if math.isnan(gap[0]) else percent(*gap, signed=True)
        body.append((row["run"], seeds_of(row), *cells, difference, row["verdict"]))
    below = [*notes_on(metric for metric, _ in columns), *(f"{note}." for note in notes)]
    table = markdown_table(titles, f"-:{':' * len(measured)}:-", body)
    return table + "".join(f"\n{note}\n" for note in below)


def table_tex(statistics: pd.DataFrame) -> str:
    """A LaTeX ``tabular`` (package booktabs), the best mean of each column in bold."""
    columns, rows = table_rows(statistics)
    best = [_best(metric, [row["cells"][index][0] for row in rows]) for index, (metric, _) in enumerate(columns)]
    head = " & ".join(escaped(title_of(*column)) for column in columns)
    lines = [rf"\begin{{tabular}}{{l{'r' * len(columns)}}}", r"\toprule", rf"run & {head} \\", r"\midrule"]
    for row in rows:
        cells = []
        for (mean, half), top in zip(row["cells"], best, strict=True):
            text = percent(mean, half, r"\pm ")
            shown = rf"$\mathbf{{{text}}}$" if mean == top else f"${text}$"
            cells.append("--" if math.isnan(mean) else shown)
        lines.append(f"{escaped(row['run'])} & {' & '.join(cells)} \\\\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def seeds_of(row: dict[str, Any]) -> str:
    """How many seeds a row of ``table_rows`` has, ``2 of 3`` where some are missing."""
    seeds, expected = row["seeds"], row["seeds_expected"]
    return str(seeds) if seeds == expected else f"{seeds} of {expected}"


def percent(mean: float, half: float, between: str = " ± ", signed: bool = False) -> str:
    """Mean and half width in percent, the mean alone where there is no interval, a dash where nothing was measured.

    One decimal, or two where the half width would read 0.0.
    """
    if math.isnan(mean):
        return "–"
    digits = 2 if 0.005 <= half < 0.05 else 1
    shown = f"{mean:+.{digits}f}" if signed else f"{mean:.{digits}f}"
    return shown if math.isnan(half) else f"{shown}{between}{half:.{digits}f}"


def _cell(row: Any) -> tuple[float, float]:
    return (100 * row.mean, 100 * row.half_width) if row is not None else (math.nan, math.nan)


def _best(metric: str, means: Sequence[float]) -> float:
    """What is set in bold; nan for what is no merit, or where nothing was measured."""
    known = [mean for mean in means if not math.isnan(mean)]
    if metric == WITHOUT_MATCH or not known:
        return math.nan
    return min(known) if metric in LESS_IS_BETTER else max(known)


def escaped(text: str) -> str:
    """Text as LaTeX sets it, its special characters included."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
