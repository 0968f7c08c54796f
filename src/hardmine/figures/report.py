"""The figures verb: everything in ``report/<plan>/``."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from hardmine.artefacts import Job, Record, resolved_settings, write_text, writing
from hardmine.plotting import Report
from hardmine.plotting.curves import over_seeds
from hardmine.retrieval.evaluate import WITHOUT_MATCH

from .choice import best_run, main_metric, of_metric
from .collect import collect_details, collect_histories, results_of, statistics_of
from .failures import failed_seeds, sentences_on
from .gallery import draw_gallery
from .own import own_figures
from .page import Extras, write_page
from .plots import plot_curves, plot_loss, plot_ranks, plot_results
from .provenance import records_of
from .published import published_rows, shown_rows
from .recommendation import recommended_run
from .tables import table_markdown, table_tex
from .titles import title_of
from .tuned import plot_budget, read_trials, tuned_rows

__all__ = ["figures"]


def figures(job: Job, folder: Path) -> None:
    """Write the tables, figures and page of a plan."""
    records = records_of(job)
    job = _resolved(_in_plan_order(job), records)
    baseline = job.settings["baseline"]
    details, histories = collect_details(job), collect_histories(job)
    results = results_of(details)
    statistics = statistics_of(results, baseline, job.settings["seeds"])
    _write_csv(folder / "results.csv", results)
    _write_csv(folder / "details.csv", details)
    _write_csv(folder / "statistics.csv", statistics)
    published = None
    if "published.csv" in job.outputs:
        published = published_rows(job, statistics)
        _write_csv(folder / "published.csv", published)
    _write_csv(folder / "curves.csv", _curves(histories))
    failed = failed_seeds(records)
    _write_csv(folder / "failed.csv", failed)
    validation = statistics_of(results_of(details, "validation"), baseline, job.settings["seeds"])
    summary = {"validation": _summary(validation), "test": _summary(statistics)}
    write_text(folder / "summary.json", json.dumps(summary, indent=1) + "\n")
    notes = sentences_on(failed)
    write_text(folder / "table.md", table_markdown(statistics, baseline, notes))
    write_text(folder / "table.tex", table_tex(statistics))
    drawings = folder / "figures"
    plot_results(results, statistics, drawings)
    plot_ranks(statistics, drawings)
    plot_curves(histories, drawings)
    plot_loss(histories, drawings)
    tuned = None
    if trials := read_trials(job):
        tuned = tuned_rows(job, trials)
        _write_csv(folder / "tuned.csv", tuned)
        plot_budget(trials, drawings)
    report = Report(job, drawings, histories, details)
    for draw in own_figures(job).values():
        draw(report)
    shown_first = recommended_run(details) or best_run(statistics)
    lists = Path("metrics", job.plan, shown_first, f"seed{job.settings['seeds'][0]}", "neighbours.safetensors")
    draw_gallery(lists, Path(job.where["packed"]), drawings)
    shown = None if published is None or published.empty else shown_rows(published)
    write_page(job, details, statistics, histories, folder, records, Extras(shown, tuned, failed))


def _in_plan_order(job: Job) -> Job:
    """The job with its runs as the plan has them: a settings file keeps keys in the alphabet's order."""
    runs = {name: job.settings["runs"][name] for name in job.settings["order"]}
    return dataclasses.replace(job, settings=job.settings | {"runs": runs})


def _resolved(job: Job, records: Mapping[str, Record]) -> Job:
    """The job with each run's method as it was trained: tuning has chosen some of its settings."""
    runs = {}
    for name, own in job.settings["runs"].items():
        made = records.get(f"models/{job.plan}/{name}/seed{job.settings['seeds'][0]}")
        runs[name] = own | (resolved_settings(made)["method"] if made and made.resolved else {})
    return dataclasses.replace(job, settings=job.settings | {"runs": runs})


def _curves(histories: pd.DataFrame) -> pd.DataFrame:
    """Validation recall at 1, mean over seeds: ``run, images, recall``."""
    return over_seeds(histories, "val_recall@1").rename(columns={"mean": "recall"})[["run", "images", "recall"]]


def _summary(statistics: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Means for ``dvc metrics``, by run: the main metric, map@r, nmi, the share of queries without a match.

    What was not measured is left out.
    """
    table: dict[str, dict[str, float]] = {}
    if statistics.empty:
        return table
    for metric, k in dict.fromkeys((main_metric(statistics), ("map@r", None), ("nmi", None), (WITHOUT_MATCH, None))):
        for row in of_metric(statistics, metric, k).dropna(subset=["mean"]).itertuples():
            table.setdefault(row.run, {})[title_of(metric, k)] = round(float(row.mean), 6)
    return table


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    with writing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g", lineterminator="\n")
