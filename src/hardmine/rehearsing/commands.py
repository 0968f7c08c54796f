"""The command for plans that have not run yet: rehearse."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hardmine.errors import FailedRunsError, UserError
from hardmine.processors import available_processors, limit_threads

__all__ = ["rehearse"]


def rehearse(
    plans: Annotated[list[Path], typer.Argument(metavar="PLAN…", help="Plan files.")],
    run: Annotated[str | None, typer.Option(help="One run of the plan.")] = None,
    steps: Annotated[int, typer.Option(help="Training steps that are timed, after one that is not.", min=1)] = 3,
    limit_seconds: Annotated[float, typer.Option(help="Of one part; beyond it sizes are extrapolated.", min=0.01)] = 20,
    cores: Annotated[
        int | None, typer.Option(help="Jobs at once that hours are told for; all of this machine.", min=1)
    ] = None,
    images: Annotated[int | None, typer.Option(help="Of the data set, where nothing says it.", min=1)] = None,
    classes: Annotated[int | None, typer.Option(help="Of the data set, where nothing says it.", min=1)] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write what was found to this file.")] = None,
    table: Annotated[Path | None, typer.Option(help="Write a CSV file with a row a plan.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure anew what is kept.")] = False,
) -> None:
    """Try every step of plans on made images, before any data is there: how long, how much memory, what fails.

    Leaves with 3 where something failed.
    """
    from hardmine.artefacts import write_text
    from hardmine.settings import read_plan

    limit_threads(1)
    content = [read_plan(path) for path in plans]
    names = [plan.plan for plan in content]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two of the plans have the name '{name}'; rehearse them one after the other.")
    if (images is None) != (classes is None):
        raise UserError("--images and --classes are given together: about how many there are, of all splits.")
    from .rehearsal import circumstances_of, rehearse_plans
    from .tasks import Effort
    from .terminal import print_plan, write_table

    here = available_processors()
    effort = Effort(steps, limit_seconds, min(here, cores or here), images, classes)
    prices = rehearse_plans(content, effort, cores or here, run, again)
    circumstances = circumstances_of(effort)
    for price in prices:
        print_plan(price, circumstances)
    if json_file:
        found = {**circumstances, "plans": [price.to_json() for price in prices]}
        write_text(json_file, json.dumps(found, indent=1) + "\n")
    if table:
        write_table(table, prices, circumstances)
    failed = [f"{price.plan}/{one.run}" for price in prices for one in price.failed]
    if failed:
        raise FailedRunsError(f"{len(failed)} runs failed in the rehearsal: {', '.join(failed)}.")
