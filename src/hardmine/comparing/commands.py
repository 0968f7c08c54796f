"""The command over several plans: compare."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hardmine.foreign import shown

__all__ = ["compare"]


def compare(
    plans: Annotated[
        list[Path],
        typer.Argument(metavar="PLAN…", help="Plan files, or folders report/<plan>, whose reports are made."),
    ],
    to: Annotated[Path | None, typer.Option(help="Write tables and a page into this folder.")] = None,
    metric: Annotated[str, typer.Option(help="What to compare by: recall@1, map@r, nmi, …")] = "recall@1",
) -> None:
    """Put the reports of several plans into one table, and answer the questions that the plans ask."""
    from .belonging import other_pictures
    from .datasets import by_dataset
    from .reading import plan_file_of, read_measured, taken_apart
    from .table import comparison_of
    from .terminal import print_comparison
    from .writing import check_target, write_comparison

    if to is not None:
        check_target(to)
    sources = list(dict.fromkeys(plan_file_of(plan) for plan in plans))
    measured = [read_measured(source, metric) for source in sources]
    for one in measured:
        if remark := other_pictures(one.plan, one.source):
            print(remark, file=sys.stderr)
    datasets = by_dataset(measured)
    comparison = comparison_of(datasets, *taken_apart(metric))
    print_comparison(comparison)
    if to is not None:
        write_comparison(comparison, to)
        print(shown(to / "index.html"))
