"""The results table on a terminal."""

import csv
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from hardmine.errors import UserError
from hardmine.retrieval.evaluate import WITHOUT_MATCH

from .recommendation import recommend, training_seconds
from .titles import MISSES, title_of

__all__ = ["print_results"]

_SHOWN = ("map@r", "nmi", WITHOUT_MATCH)


def print_results(folder: Path) -> None:
    """Print recall, MAP@R and NMI of every run of a report, best first, which run to use, and the path of its page.

    The share of queries without a match stands beside them where there are any.

    Raises:
        UserError: there is no report in the folder.
    """
    try:
        with open(folder / "statistics.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        raise UserError(f"{folder}/statistics.csv: missing. 'make reproduce' makes it.") from None
    measured = list(dict.fromkeys((row["metric"], row["k"]) for row in rows))
    columns = [measured[0], *(column for column in measured if column[0] in _SHOWN)]
    values = {(row["run"], row["metric"], row["k"]): row for row in rows}
    runs = sorted(dict.fromkeys(row["run"] for row in rows), key=lambda run: -float(values[run, *columns[0]]["mean"]))
    (baseline,) = {row["run"] for row in rows if row["verdict"] == "baseline"}
    against = f"{title_of(*columns[0])} against {baseline}"
    caption = f"Percent on test classes, mean ± 95 % t-interval over seeds; difference and verdict: {against}."
    if any(metric == WITHOUT_MATCH for metric, _ in columns):
        caption += f"\n{MISSES}"
    table = Table(title=folder.name, caption=caption, caption_justify="left")
    for title in ("run", title_of(*columns[0]), "difference", "verdict", *(title_of(*c) for c in columns[1:])):
        table.add_column(title, justify="left" if title in ("run", "verdict") else "right", no_wrap=True)
    for run in runs:
        first = values[run, *columns[0]]
        difference = _percent(first.get("difference"), first.get("difference_half_width"), "+")
        rest = [_percent(values[run, *column]["mean"], values[run, *column]["half_width"]) for column in columns[1:]]
        table.add_row(run, _percent(first["mean"], first["half_width"]), difference, first["verdict"], *rest)
    console = Console(width=max(96, Console().width))
    console.print(table, crop=False)
    details = pd.read_csv(folder / "details.csv")
    console.print(recommend(details, training_seconds(Path("logs", "train", folder.name))), highlight=False)
    console.print(f"{folder}/index.html", highlight=False)


def _percent(mean: str | None, half: str | None, sign: str = "") -> str:
    if not mean:
        return ""
    shown = f"{100 * float(mean):{sign}.1f}"
    return f"{shown} ± {100 * float(half):.1f}" if half else shown
