"""A project's files laid out in a folder: all of them, or nothing."""

import os
import secrets
import shutil
from importlib.resources import files
from pathlib import Path

import jinja2

import hardmine
from hardmine.errors import UserError

from .sources import FILES, chosen_plan, project_files

__all__ = ["lay_out"]

_SCHEMA = "plan.schema.json"
_PAGE = "README.md"
_DOCS = "# Pages under docs/ are in the repository of hardmine, not in this project."


def lay_out(folder: Path, plan: str | None = None) -> str:
    """Lay out a project: written beside its place, then moved there.

    Args:
        folder: the project's; missing, or without any of the names that a project has.
        plan: its plan in force, one of ``plan_names``; that of ``params.yaml`` unless given.

    Returns:
        The name of the plan in force.

    Raises:
        UserError: the folder holds something of these names, there is no such plan, or nothing can be written there.
    """
    source = project_files()
    name, file = chosen_plan(source, plan)
    place = Path(os.path.abspath(folder))
    temporary = place.parent / f".{place.name[:100]}.{secrets.token_hex(8)}"
    try:
        _check_free(folder, place)
        temporary.mkdir()
        _write(temporary, source, name, file)
        _move(temporary, place)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}. Nothing was left there.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return name


def _check_free(folder: Path, place: Path) -> None:
    """See that nothing is in the way and that there is a folder to write into."""
    if place.is_dir():
        names = {name.partition("/")[0] for name in FILES} | {_SCHEMA, _PAGE}
        found = sorted(name for name in names if os.path.lexists(place / name))
        if not found:
            return
        raise UserError(
            f"{folder}: has {', '.join(found)} already, which a project brings too; nothing is overwritten. Name a "
            "folder that does not exist yet, or move them elsewhere."
        )
    if os.path.lexists(place):
        raise UserError(f"{folder}: is no folder. Name a folder that does not exist yet, or move the file elsewhere.")
    if not place.parent.is_dir():
        raise UserError(f"{folder}: there is no folder {place.parent} to make it in. Make that first: mkdir -p.")


def _write(target: Path, source: Path, name: str, plan: Path) -> None:
    """All files of a project into an empty folder."""
    for each in FILES:
        found = source / each
        for path in [found] if found.is_file() else found.rglob("*"):
            if path.is_file():
                file = target / path.relative_to(source)
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, file)
    package = files("hardmine")
    schema = package.joinpath("settings", _SCHEMA).read_bytes()
    (target / _SCHEMA).write_bytes(schema)
    (target / "params.yaml").write_text(_in_force(plan), encoding="utf-8")
    template = package.joinpath("starting", "project.md.j2").read_text(encoding="utf-8")
    page = jinja2.Template(template, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    (target / _PAGE).write_text(page.render(plan=name, version=hardmine.__version__), encoding="utf-8")


def _in_force(plan: Path) -> str:
    """A plan file as ``params.yaml``, its remarks true there: the schema's place, no ``--configfile``, no ``docs/``."""
    text = plan.read_text(encoding="utf-8").replace(f"=src/hardmine/settings/{_SCHEMA}", f"={_SCHEMA}", 1)
    text = text.replace(f" --configfile experiments/{plan.name}", "")
    return text.replace("\nplan:", f"\n{_DOCS}\nplan:", 1) if "docs/" in text else text


def _move(temporary: Path, place: Path) -> None:
    """Give what was written its name; into a folder that is there name by name, since somebody may stand in it."""
    if not place.is_dir():
        temporary.rename(place)
        return
    moved: list[Path] = []
    try:
        for path in sorted(temporary.iterdir()):
            moved.append(path.rename(place / path.name))
    except BaseException:
        for path in moved:
            path.rename(temporary / path.name)
        raise
