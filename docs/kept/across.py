"""Tables over several kept plans: what ``hardmine compare`` says of their reports, from what is kept of these."""

import json
import math
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from reading import EXPERIMENTS, GROUPS, HERE, replicates_of
from scipy.stats import t
from searches import of_search, same_choice

from hardmine.artefacts import Record
from hardmine.comparing.cells import shown_p
from hardmine.comparing.datasets import by_dataset
from hardmine.comparing.reading import Measured, taken_apart
from hardmine.comparing.replicates import differences
from hardmine.comparing.table import Answer, Comparison, comparison_of
from hardmine.figures.titles import title_of
from hardmine.foreign import markdown_table
from hardmine.plotting.style import TEXT, figure, save
from hardmine.retrieval.statistics import holm
from hardmine.settings import read_plan

TESTED = {"glyphs": 200 / 1219, "omniglot": 659 / 1623, "cub200": 100 / 200}
"""Share of a data set's classes that a draw tests."""


@cache
def comparison(metric: str, group: str = "reality") -> Comparison:
    """The plans of a group by a metric, each with the runs and seeds of which results are kept."""
    measured = [_measured(HERE / name, plan, metric) for name, plan in GROUPS[group].items() if (HERE / name).is_dir()]
    return comparison_of(by_dataset(measured), *taken_apart(metric))


def _measured(folder: Path, plan_name: str, metric: str) -> Measured:
    file = EXPERIMENTS / f"{plan_name}.yaml"
    table = replicates_of(folder, metric)
    failed = pd.read_csv(folder / "failed.csv", dtype={"run": str})
    made = json.loads((folder / "made.json").read_text())
    plan = read_plan(file)
    runs, seeds = set(table.run), set(table.seed)
    there = {
        "seeds": [seed for seed in plan.seeds if seed in seeds],
        "runs": {name: run for name, run in plan.runs.items() if name in runs},
        "questions": tuple(one for one in plan.questions if {one.run, one.against} <= runs),
    }
    return Measured(
        plan.model_copy(update=there),
        file,
        Record({}, {}, made["report"], {}, made["models_made_with"]),
        {str(run): dict(zip(part.seed, part.value, strict=True)) for run, part in table.groupby("run", sort=False)},
        {str(run): set(part.seed) for run, part in failed.groupby("run")},
        {},
        pd.DataFrame(),
    )


def plot_answers(metric: str, folder: Path, name: str) -> None:
    """A line a question, a panel a data set with its own scale: means and 95 % intervals, filled where 0 is out."""
    found = comparison(metric)
    datasets = [group.title for group in found.datasets]
    asked = list(dict.fromkeys((answer.ask, answer.run, answer.against) for answer in found.answers))
    with figure(TEXT, 0.6 + 0.36 * len(asked)) as (drawn, axes):
        axes.remove()
        for place, (dataset, panel) in enumerate(
            zip(datasets, drawn.subplots(1, len(datasets), sharey=True), strict=True)
        ):
            for answer in (one for one in found.answers if one.dataset == dataset):
                line = asked.index((answer.ask, answer.run, answer.against))
                mean, half = 100 * answer.estimate.mean, 100 * answer.estimate.half_width
                sure = answer.verdict != "within noise"
                colour = "#888888" if not sure else "#0072B2" if mean > 0 else "#D55E00"
                panel.errorbar(
                    mean, line, xerr=half, fmt="o", markersize=4, color=colour, mfc=colour if sure else "white"
                )
            panel.axvline(0, color="#888888", linewidth=0.6, zorder=0)
            panel.set_title(dataset, fontsize=7.5)
            panel.set_xlabel(f"{title_of(found.metric, found.k)}, points")
            panel.tick_params(left=not place)
        panel.set_ylim(len(asked) - 0.5, -0.5)
        panel.set_yticks(range(len(asked)), [textwrap.fill(ask, 40) for ask, _, _ in asked])
        save(drawn, folder, name, png=False)


def answers(folder: Path) -> str:
    """A row a question and data set, by the metric that the folder is called after, of the group it is in."""
    found = _of_folder(folder)
    groups = {group.title: group for group in found.datasets}
    asked = _by_question(found)
    gaps = [
        list(differences(groups[one.dataset].values[one.run], groups[one.dataset].values[one.against]).values())
        for one in asked
    ]
    tested = [TESTED[groups[one.dataset].plans[0].plan.dataset.name] for one in asked]
    overlapping = holm({str(place): p_overlapping(*pair) for place, pair in enumerate(zip(gaps, tested, strict=True))})
    rows = []
    for place, (one, values) in enumerate(zip(asked, gaps, strict=True)):
        above = f"{sum(value > 0 for value in values)} of {len(values)}"
        chosen = same_choice(groups[one.dataset].plans[0].plan, one.run, one.against)
        ps = (shown_p(one.p), shown_p(overlapping[str(place)]))
        rows.append((_runs(one), one.dataset, _verdict(one), *ps, above, chosen))
    measured = f"{title_of(found.metric, found.k)}, points"
    titles = ("runs", "data set", measured, "p after Holm", "p, overlap counted", "draws above", "alike")
    return markdown_table(titles, "--::::-", rows)


def p_overlapping(gaps: Sequence[float], tested: float) -> float:
    """The p of a paired t-test over draws that have test classes in common.

    The mean of n values with correlation r has the variance (1 + (n - 1) r) / (1 - r) / n times what they vary by among
    themselves; r is at most the share that is in common (Nadeau and Bengio, Machine Learning 52, 2003, for resampling).

    Args:
        gaps: a difference a draw.
        tested: share of all classes that a draw tests, which two draws have in common of theirs, on average.
    """
    count, values = len(gaps), np.asarray(gaps, dtype=np.float64)
    error = values.std(ddof=1) * math.sqrt((1 + (count - 1) * tested) / (1 - tested) / count)
    return float(2 * t.sf(abs(values.mean()) / error, count - 1))


def searched(folder: Path) -> str:
    """A row a question and data set: what the search saw on held-out training classes, and what test classes say."""
    found = _of_folder(folder)
    groups = {group.title: group for group in found.datasets}
    rows = []
    for one in _by_question(found):
        told = of_search(groups[one.dataset].plans[0].plan, one.run, one.against)
        if told:
            rows.append((_runs(one), one.dataset, *told, one.estimate.percent(signed=True)))
    titles = ("runs", "data set", "above at equal settings", "from, to", "at what each chose", "test draws")
    return markdown_table(titles, "--::::", rows)


def _by_question(found: Comparison) -> list[Answer]:
    order = list(dict.fromkeys(one.ask for one in found.answers))
    return sorted(found.answers, key=lambda one: order.index(one.ask))


def _runs(one: Answer) -> str:
    return f"{one.run} minus {one.against}"


def _of_folder(folder: Path) -> Comparison:
    return comparison(folder.name, folder.parent.name if folder.parent.name in GROUPS else "reality")


def verdicts(folder: Path) -> str:
    """The same for the first screen: a row a question, a column a data set."""
    found = _of_folder(folder)
    questions: dict[tuple[str, str], dict[str, Answer]] = {}
    for answer in found.answers:
        questions.setdefault((answer.run, answer.against), {})[answer.dataset] = answer
    datasets = [group.title for group in found.datasets]
    rows = []
    for given in questions.values():
        cells = [_verdict(given[dataset]) if dataset in given else "" for dataset in datasets]
        rows.append((next(iter(given.values())).ask, *cells))
    titles = (f"{title_of(found.metric, found.k)}, points", *datasets)
    return markdown_table(titles, "-" * len(titles), rows)


def scores(folder: Path) -> str:
    """A row a run that is of all data sets but at most one, a column a data set."""
    found = _of_folder(folder)
    datasets = [group.title for group in found.datasets]
    cells: dict[str, dict[str, str]] = {}
    for row in found.rows:
        cells.setdefault(row.run, {})[row.dataset] = row.score.percent()
    shown = {run: own for run, own in cells.items() if len(own) >= max(2, len(datasets) - 1)}
    rows = [(run, *(own.get(dataset, "") for dataset in datasets)) for run, own in shown.items()]
    titles = (f"{title_of(found.metric, found.k)}, %", *datasets)
    return markdown_table(titles, "-" + ":" * len(datasets), rows)


def _verdict(answer: Answer) -> str:
    gain = answer.estimate.percent(signed=True)
    return gain if answer.verdict == "within noise" else f"{gain}, {answer.verdict}"
