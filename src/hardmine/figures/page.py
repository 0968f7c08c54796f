"""``index.html``: the report as a page, without any outside request."""

from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd

from hardmine.artefacts import Job, Record

from .diagnostics import DIAGNOSTICS, caption_of
from .style import colour_of
from .tables import table_rows
from .titles import title_of

__all__ = ["render_page"]


def render_page(job: Job, statistics: pd.DataFrame, best: str, record: Record | None) -> str:
    """The page of a plan; every name that comes from outside is escaped."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(files("hardmine.figures").joinpath("page.html.j2").read_text(encoding="utf-8"))
    columns, rows = table_rows(statistics)
    for row in rows:
        row["colour"] = colour_of(row["run"])
    context: dict[str, Any] = {
        "plan": job.plan,
        "settings": job.settings,
        "columns": [title_of(*column) for column in columns],
        "rows": rows,
        "best": best,
        "record": record,
        "diagnostics": {name: caption_of(name) for name in job.settings["figures"] if name in DIAGNOSTICS},
    }
    return template.render(context)
