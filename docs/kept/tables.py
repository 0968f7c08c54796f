"""Tables and figures of the docs from results that are kept in this folder: ``make tables``, ``make keep PLAN=…``.

A kept result is a folder of the plan's name with ``statistics.csv``, ``replicates.csv`` (of each run and seed), for a
plan that tunes ``tuned.csv`` and the trials of each run, and ``made.json``: the commit, the machine, the digest of each
file of the report that they come from, the control and the base of each run. ``seconds.csv`` has the processor time of
a training, from ``hardmine rehearse PLAN --json FILE``.
``rehearsal/plans.csv`` is what ``make rehearse`` wrote. A page has a table between ``<!-- table: PLAN NAME -->`` and
``<!-- end -->``, README too, and a plan's header a line ``# Rehearsed: …``. In place of a plan, a metric as
``hardmine compare`` takes it stands for all plans of ``across.py`` together.
"""

import argparse
import json
import math
import re
import shutil
import sys
from bisect import bisect
from collections.abc import Callable
from pathlib import Path

import across
import pandas as pd
from prose import with_numbers
from reading import EXPERIMENTS, HERE, values_of

from hardmine.artefacts import read_record
from hardmine.comparing.replicates import Replicate, differences, estimate
from hardmine.figures.failures import sentences_on
from hardmine.figures.tables import percent, table_markdown, table_rows
from hardmine.figures.tuned import plot_budget, tuned_markdown
from hardmine.foreign import markdown_table
from hardmine.retrieval.statistics import holm
from hardmine.settings import read_plan

BLOCK = re.compile(r"(<!-- table: (\S+) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
LIBRARIES = ("hardmine", "commit", "tree", "torch", "numpy", "python")
CIRCUMSTANCES = (*LIBRARIES, "processor", "instructions", "threads", "device")
SEMIHARD = ("triplet-semihard", "triplet-semihard-longer", "triplet-semihard-twice")
"""Semi-hard triplets of once, one and a half times and twice the images, where a plan has them."""
WARM = "warm-triplet-semihard"
"""The same from weights of another run of the plan."""


def keep(report: Path, rehearsal: Path | None = None) -> Path:
    """Take the results of a report into this folder, and its figures where the gallery shows them.

    Args:
        report: ``report/<plan>`` in a project that has the plan in ``experiments/``.
        rehearsal: what ``hardmine rehearse`` wrote of the plan, for the processor time of its trainings.
    """
    record = read_record(report)
    if record is None:
        raise SystemExit(f"{report}/made.json: missing or not readable; run the plan first.")
    project, name = report.resolve().parents[1], report.resolve().name
    plan = read_plan(project / "experiments" / f"{name}.yaml")
    folder = _emptied(name)
    for file in ("statistics.csv", "tuned.csv", "failed.csv"):
        if file in record.outputs:
            shutil.copyfile(report / file, folder / file)
    for picture in (HERE.parent / "images/gallery" / folder.name).glob("*.svg"):
        if f"figures/{picture.name}" in record.outputs:
            shutil.copyfile(report / "figures" / picture.name, picture)
    results = pd.read_csv(report / "results.csv")
    shown = results[(results.metric == "map@r") | ((results.metric == "recall") & (results.k == 1))]
    shown[["run", "seed", "metric", "k", "value"]].to_csv(folder / "replicates.csv", index=False)
    if rehearsal is not None:
        (timed,) = (one for one in json.loads(rehearsal.read_text())["plans"] if one["plan"] == folder.name)
        pd.DataFrame(timed["runs"])[["run", "train_seconds"]].to_csv(folder / "seconds.csv", index=False)
    starts = {name: run.weights for name, run in plan.runs.items() if run.weights != "none"}
    beside = {
        "controls": {name: run.control for name, run in plan.runs.items() if run.control},
        "bases": {name: run.base_run for name, run in plan.runs.items() if run.base_run},
        "warm": {name: start.removeprefix("run/") for name, start in starts.items()},
    }
    for table in sorted(project.glob(f"tuning/{folder.name}/*/table/trials.csv")):
        shutil.copyfile(table, folder / f"trials-{table.parts[-3]}.csv")
    model = read_record(next(project / place for place in record.inputs if place.startswith("models/")))
    made = {key: model.made_with[key] for key in CIRCUMSTANCES if model and key in model.made_with}
    order = {"baseline": record.settings["baseline"], "order": record.settings["order"]}
    content = {**order, **beside, "models_made_with": made, "report": record.outputs}
    (folder / "made.json").write_text(json.dumps(content, indent=1) + "\n")
    return folder


def _emptied(name: str) -> Path:
    """The folder of a kept result, without what is there but the trials, which may be of another plan's search."""
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        if not file.match("trials-*.csv"):
            file.unlink()
    return folder


def results(folder: Path) -> str:
    """The results table; which of its trainings failed stands below."""
    made = json.loads((folder / "made.json").read_text())
    file = folder / "failed.csv"
    failed = sentences_on(pd.read_csv(file, dtype={"run": str})) if file.exists() else []
    return table_markdown(pd.read_csv(folder / "statistics.csv"), made["baseline"], failed)


def tuned(folder: Path) -> str:
    """As published beside tuned."""
    return tuned_markdown(pd.read_csv(folder / "tuned.csv"))


def plans(folder: Path) -> str:
    """Plans with what a rehearsal says they take; a sentence where there was none yet."""
    path = folder / "plans.csv"
    if not path.exists():
        return "Not measured yet: `make rehearse`.\n"
    found = pd.read_csv(path)
    titles = ("plan", "trainings", "trials", "images, million", "ms an image", "core hours", "GB a job", "device, GB")
    rows = []
    for row in found.itertuples():
        numbers = (row.million_images, row.image_ms, row.core_hours, row.host_gb, row.device_gb)
        name = f"{row.plan} ({row.failed} runs failed)" if row.failed else row.plan
        rows.append((name, str(row.trainings), str(row.trials or ""), *map(_number, numbers)))
    table = markdown_table(titles, "-" + ":" * (len(titles) - 1), rows)
    return f"{table}\n{', '.join(sorted(set(found.processor)))}, one thread a job.\n"


def gains(folder: Path) -> str:
    """Recall at 1 of every method beside its control, its base, and semi-hard triplets of as much processor time."""
    made = json.loads((folder / "made.json").read_text())
    values = values_of(folder.name)
    score = {run: estimate(found) for run, found in values.items()}
    seconds = pd.read_csv(folder / "seconds.csv").set_index("run").train_seconds
    methods = [run for run in made["order"] if run in made["controls"] or run in made["bases"]]
    factors = {run: seconds[run] / seconds[SEMIHARD[0]] for run in methods}
    rivals = {
        run: WARM if run in made["warm"] else SEMIHARD[bisect((1.25, 1.75), factor)] for run, factor in factors.items()
    }

    over_control = _against(values, made["controls"])
    over_base = _against(values, made["bases"])
    over_rival = _against(values, {run: rival for run, rival in rivals.items() if rival != run})
    rows = []
    for run in sorted(methods, key=lambda name: -score[name].mean):
        cells = [run, score[run].percent()]
        for over, others in ((over_control, made["controls"]), (over_base, made["bases"])):
            cells.append(f"{over[run]} ({others[run]})" if run in over else "")
        cells += [f"{factors[run]:.2f}", "" if rivals[run] == run else f"{over_rival[run]} ({rivals[run]})"]
        rows.append(tuple(cells))
    titles = ("run", "R@1", "minus its control", "minus its base", "time", "minus semi-hard triplets of that time")
    return markdown_table(titles, "-:::::", rows)


def variants(folder: Path) -> str:
    """Recall at 1 of every run, and what it differs by from its base, or from the run that its name begins with."""
    made = json.loads((folder / "made.json").read_text())
    values = values_of(folder.name)
    names = set(made["order"]) - set(made["warm"].values())
    varied = {run: other for run in made["order"] if (other := _varied(run, names, made["bases"]))}
    gap = _against(values, varied)
    rows = []
    for run in made["order"]:
        score = estimate(values[run])
        difference = f"{gap[run]} ({varied[run]})" if run in gap else ""
        rows.append((run, score.percent(), difference))
    return markdown_table(("run", "R@1", "minus its base, or what it varies"), "-::", rows)


def _varied(run: str, names: set[str], bases: dict[str, str]) -> str | None:
    """Its base, or the longest name that its own begins with, if it is not that run's base."""
    if run in bases:
        return bases[run]
    begun = max((name for name in names if run.startswith(f"{name}-")), key=len, default="")
    return None if not begun or bases.get(begun) == run else begun


def _against(values: dict[str, dict[Replicate, float]], others: dict[str, str]) -> dict[str, str]:
    """Paired differences of runs from others in points with verdicts, corrected after Holm over all of them."""
    found = {run: estimate(differences(values[run], values[other])) for run, other in others.items()}
    corrected = holm({run: one.p for run, one in found.items()})
    return {run: f"{one.percent(signed=True)} {one.verdict(corrected[run])}" for run, one in found.items()}


def headline(folder: Path) -> str:
    """Recall at 1 of every run, best first, for the first screen."""
    made = json.loads((folder / "made.json").read_text())
    _, rows = table_rows(pd.read_csv(folder / "statistics.csv"))
    shown = []
    for row in rows:
        gap = row["difference"], row["difference_half_width"]
        difference = "" if math.isnan(gap[0]) else percent(*gap, signed=True)
        shown.append((row["run"], percent(*row["cells"][0]), difference, row["verdict"]))
    return markdown_table(("run", "R@1, %", f"minus {made['baseline']}", ""), "-::-", shown)


TABLES: dict[str, Callable[[Path], str]] = {
    "results": results,
    "headline": headline,
    "gains": gains,
    "variants": variants,
    "answers": across.answers,
    "verdicts": across.verdicts,
    "searched": across.searched,
    "scores": across.scores,
    "tuned": tuned,
    "plans": plans,
}


def plans_with_headers() -> dict[Path, str]:
    """The plans that were rehearsed, each with what came out in the line of its header that is there for it."""
    path = HERE / "rehearsal/plans.csv"
    found = {}
    for row in pd.read_csv(path).itertuples() if path.exists() else ():
        plan = EXPERIMENTS / f"{row.plan}.yaml"
        if plan.exists():
            trials = f" and {row.trials} trials" if row.trials else ""
            million, hours = _number(row.million_images), _number(row.core_hours)
            memory, device = _number(row.host_gb), _number(row.device_gb)
            line = (
                f"# Rehearsed: {row.trainings} trainings{trials}, {million} million images to train on; "
                f"{hours} hours of one core, {memory} GB a job, about {device} GB of a device."
            )
            found[plan] = re.sub(r"^# Rehearsed: .*$", line, plan.read_text(), count=1, flags=re.MULTILINE)
    return found


def _number(value: float) -> str:
    return f"{value:,.0f}" if value > 99 else f"{value:.2g}"


def page_with_tables(text: str) -> str:
    """A page with its tables and the numbers of its text made anew."""
    return with_numbers(BLOCK.sub(lambda found: f"{found[1]}{TABLES[found[3]](HERE / found[2])}{found[4]}", text))


def pages() -> list[Path]:
    """Pages that may have tables."""
    return [HERE.parents[1] / "README.md", *sorted(HERE.parent.rglob("*.md"))]


def main() -> None:
    """Write the tables and figures, or take the results of a report first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="REPORT", help="a report whose results are taken in first")
    parser.add_argument("--rehearsal", type=Path, metavar="JSON", help="and the time that its trainings take")
    arguments = parser.parse_args()
    if arguments.keep:
        print(keep(arguments.keep, arguments.rehearsal))
    made = {page: page_with_tables(page.read_text()) for page in pages()}
    for page, text in (made | plans_with_headers()).items():
        if page.read_text() != text:
            page.write_text(text)
            print(page, file=sys.stderr)
    for folder in sorted(path.parent for path in HERE.glob("*/tuned.csv")):
        order = json.loads((folder / "made.json").read_text())["order"]
        found = {run: pd.read_csv(path) for run in order if (path := folder / f"trials-{run}.csv").exists()}
        plot_budget(found, HERE.parent / "images", f"budget-{folder.name}", png=False)
    across.plot_answers("recall@1", HERE.parent / "images", "reality-check")


if __name__ == "__main__":
    main()
