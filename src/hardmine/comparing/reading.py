"""A plan with what its report measured, after a look whether the report is of this plan."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hardmine.artefacts import Record, digest
from hardmine.errors import UserError, nearest
from hardmine.figures.recommendation import seconds_by_seed
from hardmine.figures.stored import read_table
from hardmine.retrieval.metrics import name_and_k
from hardmine.settings import Plan, making, read_plan, read_yaml

from .belonging import record_of_report

__all__ = ["Measured", "of_metric", "plan_file_of", "read_measured", "taken_apart"]


@dataclass(frozen=True)
class Measured:
    """What a report says of one metric.

    Attributes:
        plan: the plan.
        source: its file.
        record: of its report.
        values: on test classes, by run and seed.
        failed: seeds whose training failed, by run.
        seconds: of each training that Snakemake's logs tell, by run and seed.
        published: rows of ``published.csv`` of the metric.
        digests: SHA-256 of the plan's file and of the report's files that were read, by path;
            a plan outside the project has its name alone.
    """

    plan: Plan
    source: Path
    record: Record
    values: dict[str, dict[int, float]]
    failed: dict[str, set[int]]
    seconds: dict[str, dict[int, float]]
    published: pd.DataFrame
    digests: dict[str, str] = field(default_factory=dict)


def taken_apart(metric: str) -> tuple[str, int | None]:
    """A metric as it is asked for, such as ``recall@1`` or ``map@r``, as its name and k.

    Raises:
        UserError: the k is no number.
    """
    try:
        return name_and_k(metric)
    except ValueError:
        raise UserError(f"--metric {metric}: is no metric; write it as recall@1, map@r or nmi.") from None


def plan_file_of(named: Path) -> Path:
    """The file of a plan that is named by it, or by the folder of its report.

    Raises:
        UserError: a folder is no report here, or not one plan file of ``params.yaml`` and ``experiments/`` is its own.
    """
    if not os.path.isdir(named):
        return named
    if named.resolve() != Path("report", named.name).resolve():
        raise UserError(f"{named}: is no report of this project; give plan files, or folders report/<plan> of it.")
    files = [path for path in (Path("params.yaml"), *sorted(Path("experiments").glob("*.yaml"))) if path.is_file()]
    own = [path for path in files if _name_in(path) == named.name]
    if len(own) != 1:
        found = f"{', '.join(map(str, own))} are" if own else "neither params.yaml nor a file of experiments/ is"
        raise UserError(f"{named}: {found} a plan of this name; give the file of the plan instead.")
    return own[0]


def read_measured(source: Path, metric: str) -> Measured:
    """Read a plan and one metric of its report.

    Args:
        source: the plan's file; its report is under ``report/`` of the working folder.
        metric: as it is asked for, such as ``recall@1``.

    Raises:
        UserError: the plan is not valid; there is no report of it, or one of other settings; a file of the report is
            missing, altered or without the metric.
    """
    plan = read_plan(source)
    record = record_of_report(plan, source)
    folder = Path("report", plan.plan)
    name, k = taken_apart(metric)
    results = read_table(folder / "results.csv", record, ("run", "seed", "metric", "k", "value"), making(source))
    rows = of_metric(results, name, k)
    if rows.empty:
        pairs = results[["metric", "k"]].drop_duplicates().itertuples(index=False)
        there = [one.metric if pd.isna(one.k) else f"{one.metric}@{int(one.k)}" for one in pairs]
        raise UserError(f"{folder}: has no {metric}{nearest(metric, there)}; measured are {', '.join(there)}.")
    failed = read_table(folder / "failed.csv", record, ("run", "seed"), making(source))
    published = pd.DataFrame()
    if "published.csv" in record.outputs:
        printed = read_table(folder / "published.csv", record, ("run", "published"), making(source))
        published = of_metric(printed, name, k)
    files = (source, *(folder / name for name in ("made.json", "results.csv")))
    return Measured(
        plan,
        source,
        record,
        {str(run): dict(zip(part.seed, part.value, strict=True)) for run, part in rows.groupby("run", sort=False)},
        {str(run): set(part.seed) for run, part in failed.groupby("run")},
        seconds_by_seed(Path("logs", "train", plan.plan)),
        published,
        {path.name if path.is_absolute() else str(path): digest(path) for path in files},
    )


def _name_in(path: Path) -> object:
    with suppress(UserError):
        content = read_yaml(path)
        return content.get("plan") if isinstance(content, dict) else None
    return None


def of_metric(table: pd.DataFrame, name: str, k: int | None) -> pd.DataFrame:
    """The rows of a metric in a table of the report."""
    return table[(table.metric == name) & (table.k.isna() if k is None else table.k == k)]
