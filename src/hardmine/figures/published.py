"""Published results beside measured ones. The numbers are in ``published/<data set>.yaml``."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import Field

from hardmine.artefacts import Job
from hardmine.retrieval.metrics import name_and_k
from hardmine.settings.base import Settings

from .titles import title_of

__all__ = ["COLUMNS", "Published", "PublishedTable", "published_results", "published_rows", "shown_rows"]

COLUMNS = (
    *("run", "method", "paper", "detail", "metric", "k", "published", "provenance", "verified", "source", "seeds"),
    *("measured", "half_width", "difference", "differs"),
)
"""Of ``published.csv``; values are shares in [0, 1], as in ``statistics.csv``."""
FOLDER = Path(__file__).with_suffix("")
USUAL_PIXELS = (224, 227)
"""Edges of an image in the papers' protocols, where they name no other."""


class Published(Settings):
    """What one source says of one method on one data set."""

    name: str
    """The method, as the literature calls it."""
    detail: str | None = None
    """What sets it apart from other results of the name."""
    method: str | None = None
    """The method here; none where it cannot be run here."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keys that a run of the method must have for it to be the one meant; none where the source does not say."""
    excluded: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """Values of keys with which a run is a control and not the one meant, whatever else it has."""
    recipe: dict[str, Any] = Field(default_factory=dict)
    """Keys of a run as the paper, or the code released with it, has them; of a section, those that are known."""
    part: str | None = None
    """The embedding meant, where it is not the final one."""
    dataset_options: dict[str, Any] = Field(default_factory=dict)
    """Keys that the data set must have."""
    boxes: bool = False
    """Images were cropped to the objects' boxes."""
    pixels: int | None = None
    """Edge of an image, where it is known and unusual."""
    extras: tuple[str, ...] = ()
    """What was added to the method."""
    checkpoint: str | None = None
    """How the weights to test were chosen, where it is known."""
    printed_in: str
    """Where the values are printed."""
    table: str | None = None
    """In which table or section."""
    note: str | None = None
    """What else is known of the values."""
    provenance: Literal["verified", "third-party", "unverified"]
    """Read in the authors' own text, read in somebody else's, or not read at all (from memory or from notes)."""
    backbone: str
    """The network."""
    family: str | None = None
    """The same as a family or architecture of a plan; none where the source does not say which."""
    dimensions: int | None = None
    """Of the embedding; none where the source does not say."""
    values: dict[str, float] = Field(min_length=1)
    """Percent by metric (or what the metric counts), ``recall`` and ``cmc`` with their k."""


class PublishedTable(Settings):
    """All published results on a data set."""

    dataset: str
    """Its name here; any for what holds of every data set."""
    split: str
    """Which classes or images are tested."""
    rows: tuple[Published, ...]
    """The results."""


@cache
def published_results(dataset: str) -> PublishedTable | None:
    """The published results on a data set, None where there are none."""
    path = FOLDER / f"{dataset}.yaml"
    return PublishedTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))) if path.exists() else None


def published_rows(job: Job, statistics: pd.DataFrame) -> pd.DataFrame:
    """Every published value that belongs to a run of the plan, beside what was measured.

    Args:
        job: of the figures verb.
        statistics: as ``hardmine.figures.collect.statistics_of`` makes it.

    Returns:
        ``COLUMNS``: run, method (here), paper (the method's name there), detail, metric, k, published, provenance,
        verified (read by us or not), source, seeds, measured (mean over seeds) with the half width of its 95 %
        t-interval, difference (measured minus published), differs (what else is different, by ``; ``). Measured
        columns are empty where the plan does not measure the metric. Empty where the data set has none.
    """
    facts = job.settings.get("published")
    table = published_results(job.settings["dataset"])
    rows: list[dict[str, Any]] = []
    if facts is not None and table is not None:
        measured = {
            (row.run, row.metric, None if pd.isna(row.k) else int(row.k)): row for row in statistics.itertuples()
        }
        for run, settings in job.settings["runs"].items():
            for entry in table.rows:
                if _is_of(entry, settings, facts["dataset"]):
                    differs = "; ".join(_differences(entry, facts, facts["runs"][run]) + _apart(entry, settings))
                    rows += [row | {"differs": differs} for row in _rows(entry, run, measured)]
    result = pd.DataFrame(rows, columns=list(COLUMNS))
    return result.astype({"k": "Int64", "seeds": "Int64"})


def shown_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """``published_rows`` for people: values in percent, metrics by their titles, what was not measured as a dash."""
    lines = []
    for row in rows.itertuples():
        measured = pd.notna(row.measured)
        spread = f" ± {100 * row.half_width:.1f}" if measured and pd.notna(row.half_width) else ""
        lines.append(
            {
                "run": row.run,
                "paper": f"{row.paper}, {row.detail}" if row.detail else row.paper,
                "metric": title_of(row.metric, row.k),
                "published": f"{100 * row.published:.2f}".removesuffix("0"),
                "provenance": row.provenance if row.verified else "not verified",
                "measured": f"{100 * row.measured:.1f}{spread}" if measured else "–",
                "difference": f"{100 * row.difference:+.1f}" if measured else "–",
                "differs": row.differs,
                "source": row.source,
            }
        )
    return pd.DataFrame(lines)


def _is_of(entry: Published, run: dict[str, Any], dataset: dict[str, Any]) -> bool:
    """Whether a published result is one of this run's method, options and data."""
    return (
        entry.method == run["method"]
        and entry.part is None
        and all(run.get(key) == value for key, value in entry.options.items())
        and not any(run.get(key) in values for key, values in entry.excluded.items())
        and all(dataset.get(key) == value for key, value in entry.dataset_options.items())
    )


def _rows(entry: Published, run: str, measured: dict[tuple[str, str, int | None], Any]) -> list[dict[str, Any]]:
    source = ", ".join(filter(None, (entry.printed_in, entry.table and f"table {entry.table}", entry.note)))
    rows = []
    for name, percent in entry.values.items():
        metric, k = name_and_k(name)
        row: dict[str, Any] = {"run": run, "method": entry.method, "paper": entry.name, "detail": entry.detail or ""}
        row |= {"metric": metric, "k": k, "published": percent / 100}
        row |= {"provenance": entry.provenance, "verified": entry.provenance != "unverified", "source": source}
        own = measured.get((run, metric, row["k"]))
        if own is not None:
            row |= {"seeds": own.seeds, "measured": own.mean, "half_width": own.half_width}
            row["difference"] = own.mean - percent / 100
        rows.append(row)
    return rows


def _apart(entry: Published, run: dict[str, Any]) -> list[str]:
    """Keys of the method in which a run is not what the paper or its code has."""
    found = []
    for key, theirs in entry.recipe.items():
        ours: Any = run.get(key)
        nested = isinstance(theirs, dict) and isinstance(ours, dict)
        if theirs != ({name: ours.get(name) for name in theirs} if nested else ours):
            found.append(f"{key}: {_words(theirs)}, here {_words(ours)}")
    return found


def _words(value: Any) -> str:
    """A value of a plan as text without braces."""
    if isinstance(value, dict):
        return " ".join(f"{name} {own}" for name, own in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value in (None, 0) else str(value)


def _differences(entry: Published, facts: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """What is different from the published result, from the settings of both."""
    found = []
    if entry.family != run["backbone"]:
        found.append(f"backbone: {entry.backbone}, here {run['backbone']}")
    if run["start"] != "imagenet":
        found.append(f"start: ImageNet weights, here {run['start']}")
    if entry.dimensions is None:
        found.append(f"dimensions: not said, here {run['dimensions']}")
    elif entry.dimensions != run["dimensions"]:
        found.append(f"dimensions: {entry.dimensions}, here {run['dimensions']}")
    if run["pixels"] not in ((entry.pixels,) if entry.pixels else USUAL_PIXELS):
        found.append(f"image size: {entry.pixels or 'the usual 224 or 227'} pixels, here {run['pixels']}")
    if entry.boxes:
        found.append("images: cropped to boxes, here whole")
    found += [f"extra: {extra}" for extra in entry.extras if extra not in run["extras"]]
    found += [f"extra: none, here {extra}" for extra in run["extras"] if extra not in entry.extras]
    if entry.method == "triplet" and not entry.options:
        found.append("triplets: how they were chosen is not said")
    if facts["protocol"] == "fair":
        theirs = entry.checkpoint or "not said, or the last"
        found.append(f"checkpoint: {theirs}, here the best on validation classes, which are kept from training")
    elif entry.checkpoint:
        found.append(f"checkpoint: {entry.checkpoint}, here the last")
    return found
