"""The comparison as one page, in the style of a plan's report and without any outside request."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from hardmine.artefacts import write_text
from hardmine.figures.page import asset
from hardmine.figures.titles import title_of
from hardmine.foreign import shown

from .cells import answers_table, notes, runs_table
from .forest import forest
from .table import Comparison

__all__ = ["write_page"]


def write_page(comparison: Comparison, provenance: dict[str, Any], target: Path) -> None:
    """Write the page; all text is escaped.

    Args:
        comparison: what is shown.
        provenance: what it was made of; JSON values.
        target: the file.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["shown"] = shown
    text = files("hardmine.comparing").joinpath("page.html.j2").read_text(encoding="utf-8")
    context = {
        "style": asset("page.css"),
        "script": asset("page_table.js"),
        "metric": title_of(comparison.metric, comparison.k),
        "datasets": [group.title for group in comparison.datasets],
        "plans": [one.plan.plan for group in comparison.datasets for one in group.plans],
        "runs": runs_table(comparison),
        "answers": answers_table(comparison),
        "forest": forest(comparison),
        "notes": notes(comparison),
        "provenance": json.dumps(provenance, indent=1, ensure_ascii=True),
    }
    write_text(target, environment.from_string(text).render(context))
