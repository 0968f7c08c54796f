"""What to do where something of a plan is not made: the command that makes it."""

from pathlib import Path

__all__ = ["making", "workflow_command"]


def workflow_command(source: Path) -> str:
    """The command that makes what a plan file asks for."""
    return "snakemake --cores all" + ("" if source == Path("params.yaml") else f" --configfile {source}")


def making(source: Path) -> str:
    """A sentence with the command that makes what a plan file asks for."""
    return f"'{workflow_command(source)}' makes it."
