"""``index.html``: the report as a page, without any outside request."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from hardmine.artefacts import Job, Record, read_record, resolved_settings, write_text
from hardmine.datasets import read_items
from hardmine.plotting.style import svg_line_of
from hardmine.retrieval.evaluate import WITHOUT_MATCH

from .choice import of_metric
from .collect import results_of
from .failures import sentences_on
from .frozen import training_added
from .own import caption_of, own_figures
from .page_data import as_script, curves, gallery, pictures, recalls
from .provenance import made_with, mixtures
from .recommendation import recommend, recommended_run
from .tables import table_rows
from .titles import notes_on, title_of
from .tuned import shown_rows as tuned_for_page

__all__ = ["Extras", "asset", "write_page"]

CHOSEN = 8
"""Runs that the charts show at first."""


@dataclass(frozen=True)
class Extras:
    """What a page shows where there is any.

    Attributes:
        published: published values beside measured ones; columns as shown.
        tuned: see ``tuned_rows``.
        failed: see ``failed_seeds``.
    """

    published: pd.DataFrame | None = None
    tuned: pd.DataFrame | None = None
    failed: pd.DataFrame | None = None


def write_page(
    job: Job,
    details: pd.DataFrame,
    statistics: pd.DataFrame,
    histories: pd.DataFrame,
    folder: Path,
    records: Mapping[str, Record],
    extras: Extras,
) -> None:
    """Write ``index.html``, ``page.js``, ``data.js`` and ``pictures.js``; names from outside are escaped in all.

    Args:
        job: the figures job.
        details: every measured value, see ``collect_details``.
        statistics: see ``statistics_of``.
        histories: rows of all ``history.csv``, with run and seed.
        folder: of the report.
        records: of the job's inputs, by folder.
        extras: what else there is.
    """
    published = extras.published
    columns, rows = table_rows(statistics)
    recommended, baseline = recommended_run(details), job.settings["baseline"]
    best = recommended or rows[0]["run"]
    without_match = of_metric(statistics, WITHOUT_MATCH, None)["mean"].max()
    packed = Path(job.where["packed"])
    lines = {run: svg_line_of(run, list(job.settings["runs"])) for run in job.settings["runs"]}
    runs = [{"name": row["run"], "dash": lines[row["run"]][0], "colour": lines[row["run"]][1]} for row in rows]
    chosen = [run["name"] for run in runs[:CHOSEN]] + [best, baseline]
    content: dict[str, Any] = {
        "page": {"best": best, "baseline": baseline, "runs": runs, "chosen": list(dict.fromkeys(chosen))},
        "recalls": recalls(statistics),
        "curves": curves(histories),
    }
    rows_shown, content["gallery"] = gallery(
        job, read_items(packed / "items.csv"), list(dict.fromkeys([best, baseline]))
    )
    queries = content["gallery"]["shown_queries"], content["gallery"]["all_queries"]
    write_text(folder / "data.js", "".join(as_script(name, value) for name, value in content.items()))
    write_text(folder / "pictures.js", as_script("pictures", pictures(packed, rows_shown)))
    write_text(folder / "page.js", "".join(map(asset, ("page_table.js", "page.js", "page_gallery.js"))))
    for row in rows:
        row["colour"] = lines[row["run"]][1]
    context: dict[str, Any] = {
        "plan": job.plan,
        "settings": job.settings,
        "style": asset("page.css"),
        "recommendation": recommend(details),
        "added": training_added(results_of(details), job.settings.get("frozen", {}), "test"),
        "best": next(row for row in rows if row["run"] == best),
        "on_validation": recommended is not None,
        "queries": queries,
        "columns": [title_of(*column) for column in columns],
        "without_match": 100 * without_match if without_match > 0 else 0,
        "notes": notes_on(metric for metric, _ in columns),
        "rows": rows,
        "made_with": made_with(records),
        "mixtures": mixtures(records),
        "accepted": sum(bool(record.accepted) for record in records.values()),
        "diagnostics": _diagnostics(job, folder / "figures"),
        "tuned": [] if extras.tuned is None else tuned_for_page(extras.tuned),
        "failed": _failures_of(extras.failed),
        "published": [] if published is None else published.astype(object).fillna("").values.tolist(),
        "published_columns": [] if published is None else list(published.columns),
        "runs": [_provenance(job, run["name"], run["colour"]) for run in runs],
    }
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    write_text(folder / "index.html", environment.from_string(asset("page.html.j2")).render(context))


def _diagnostics(job: Job, folder: Path) -> list[dict[str, Any]]:
    """Name, caption and size in inches of the methods' own figures: on the page all have one scale."""
    shown = []
    for name, draw in own_figures(job).items():
        start = (folder / f"{name}.svg").read_text(encoding="utf-8")[:2000]
        width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', start)[0]
        size = {"width": float(width) / 72, "height": float(height) / 72}
        shown.append({"name": name, "caption": caption_of(draw), **size})
    return shown


def _failures_of(failed: pd.DataFrame | None) -> dict[str, Any]:
    """Seeds that failed, by run, and a sentence for each."""
    if failed is None or failed.empty:
        return {"counts": {}, "sentences": []}
    return {"counts": failed.run.value_counts().to_dict(), "sentences": sentences_on(failed)}


def _provenance(job: Job, run: str, colour: str) -> dict[str, Any]:
    """The settings of a run's training, and the digest of each seed's model."""
    digests, settings = {}, {}
    for seed in job.settings["seeds"]:
        record = read_record(f"models/{job.plan}/{run}/seed{seed}")
        if record:
            digests[f"model, seed {seed}"] = record.outputs.get("model.safetensors", "")
            settings = {key: value for key, value in resolved_settings(record).items() if key != "seed"}
    shown = {"name": run, "colour": colour, "digests": digests, "settings": json.dumps(settings, indent=1)}
    return {**shown, "seen": job.settings.get("seen", {}).get(run, "")}


def asset(name: str) -> str:
    """A file of the page: ``page.css``, ``page_table.js``, …"""
    return files("hardmine.figures").joinpath(name).read_text(encoding="utf-8")
