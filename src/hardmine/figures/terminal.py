"""The results tables on a terminal."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from hardmine.artefacts import read_record
from hardmine.errors import FailedRunsError, UserError
from hardmine.retrieval.evaluate import WITHOUT_MATCH

from .collect import results_of, statistics_of
from .failures import sentences_on
from .frozen import training_added
from .recommendation import recommend, training_seconds
from .stored import read_table
from .tables import percent, table_rows
from .titles import notes_on, title_of

__all__ = ["print_results"]

_SHOWN = ("map@r", "nmi", WITHOUT_MATCH)


def print_results(folder: Path, test: bool = False, remedy: str = "'snakemake --cores all' makes it.") -> None:
    """Print recall, MAP@R and NMI of every run of a report, best first, which run to use, and the path of its page.

    The share of queries without a match stands beside them where there are any; where a run shows pretrained features
    as they are, a sentence says how much training added.

    Args:
        folder: of the report.
        test: print the values on test classes too, below those on validation classes, by which runs are chosen.
        remedy: what errors end with.

    Raises:
        UserError: there is no report in the folder, or one of its tables was altered.
        FailedRunsError: after printing, where trainings failed.
    """
    record = read_record(folder)
    if record is None:
        raise UserError(f"{folder}: has no report. {remedy}")
    details = read_table(folder / "details.csv", record, ("run", "seed", "split", "metric", "k", "value"), remedy)
    on_test = read_table(folder / "statistics.csv", record, ("run", "verdict", "seeds_expected"), remedy)
    (baseline,) = on_test[on_test.verdict == "baseline"].run.unique()
    seeds = range(int(on_test.seeds_expected.max()))
    on_validation = statistics_of(results_of(details, "validation"), baseline, seeds)
    frozen = record.settings.get("frozen", {})
    seconds = training_seconds(Path("logs", "train", folder.name))
    console = Console(width=max(96, Console().width))
    if on_validation.empty:
        words = "Nothing was measured on validation classes"
        console.print(f"{words}." if test else f"{words}; 'hardmine show --test' shows test classes.", highlight=False)
    else:
        console.print(_table(folder.name, "validation", on_validation, baseline, seconds), crop=False)
    if test:
        console.print(_table(folder.name, "test", on_test, baseline, seconds), crop=False)
    for split in ("validation", "test") if test else ("validation",):
        for sentence in training_added(results_of(details, split), frozen, split):
            console.print(sentence, highlight=False)
    console.print(recommend(details, seconds), highlight=False)
    console.print(f"{folder}/index.html", highlight=False)
    failed = read_table(folder / "failed.csv", record, ("run", "seed"), remedy)
    if len(failed):
        raise FailedRunsError("\n".join(f"{sentence}." for sentence in sentences_on(failed)))


def _table(
    plan: str, split: str, statistics: pd.DataFrame, baseline: str, seconds: Mapping[str, float] | None = None
) -> Table:
    """The table of a split; with seconds where logs tell them, since equal images are not equal time."""
    columns, rows = table_rows(statistics)
    titles = [title_of(*column) for column in columns]
    rest = [place for place, (metric, _) in enumerate(columns) if place and metric in _SHOWN]
    against = f"{titles[0]} against {baseline}"
    caption = f"Percent on {split} classes, mean ± 95 % t-interval over seeds; difference and verdict: {against}."
    if seconds:
        caption += " s: seconds a training."
    caption += "".join(f"\n{note}" for note in notes_on(metric for metric, _ in columns if metric in _SHOWN))
    table = Table(title=f"{plan}, {split} classes", caption=caption, caption_justify="left")
    for title in ("run", titles[0], "difference", "verdict", *(titles[place] for place in rest)):
        table.add_column(title, justify="left" if title in ("run", "verdict") else "right", no_wrap=True)
    if seconds:
        table.add_column("s", justify="right")
    for row in rows:
        gap = row["difference"], row["difference_half_width"]
        difference = "" if row["verdict"] == "baseline" else percent(*gap, signed=True)
        others = [percent(*row["cells"][place]) for place in rest]
        took = [f"{seconds[row['run']]:.0f}" if row["run"] in seconds else ""] if seconds else []
        table.add_row(row["run"], percent(*row["cells"][0]), difference, row["verdict"], *others, *took)
    return table
