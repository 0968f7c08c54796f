"""What to do where something of a plan is not made: the command that makes it, and where to run it."""

from pathlib import Path

__all__ = ["making", "no_project", "workflow_command"]

_PROJECT = ("Snakefile", "scratch")
"""The working folder is a project where it has one of these: it was laid out, or something was settled in it."""


def workflow_command(source: Path) -> str:
    """The command that makes what a plan file asks for."""
    return "snakemake --cores all" + ("" if source == Path("params.yaml") else f" --configfile {source}")


def making(source: Path) -> str:
    """A sentence with the command that makes what a plan file asks for; outside a project, where that would work."""
    return no_project() or f"'{workflow_command(source)}' makes it."


def no_project() -> str:
    """A sentence on a working folder that is no project; empty where it is one."""
    here, *above = (Path.cwd(), *Path.cwd().parents)
    if any((here / name).exists() for name in _PROJECT):
        return ""
    found = next((f", {folder}" for folder in above if (folder / "Snakefile").exists()), "")
    return (
        f"There is no project here: {here} has no Snakefile. Run it in the project's folder{found}, and name the plan "
        "as seen from there."
    )
