"""The command for a new project: init."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from hardmine.foreign import shown
from hardmine.installing import extra

__all__ = ["init"]


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The project's folder, new or with files of yours.")],
    plan: Annotated[
        str | None, typer.Option(help="Its plan in force, one of experiments/; the headline unless given.")
    ] = None,
) -> None:
    """Lay out a project: the workflow, its profiles and the plans, ready for 'snakemake --cores all'."""
    from .layout import lay_out

    name = lay_out(folder, plan)
    print(shown(f"{folder}: a project with the plan '{name}' in params.yaml; its README.md says how to go on."))
    if find_spec("snakemake") is None:
        print(shown(f"Snakemake is not installed, which runs it: {extra('workflow')}"))
