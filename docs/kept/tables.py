"""Tables and figures of the docs from results that are kept in this folder: ``make tables``, ``make keep PLAN=…``.

A kept result is a folder of the plan's name with ``statistics.csv``, for a plan that tunes ``tuned.csv`` and the trials
of each run, and ``made.json``: the commit, the machine and the digest of every file of the report that they come from.
``rehearsal/plans.csv`` is what ``make rehearse`` wrote. A page has a table between ``<!-- table: PLAN NAME -->`` and
``<!-- end -->``, README too, and a plan's header a line ``# Rehearsed: …``.
"""

import argparse
import json
import math
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from hardmine.artefacts import read_record
from hardmine.figures.tables import percent, table_markdown, table_rows
from hardmine.figures.tuned import plot_budget, tuned_markdown

HERE = Path(__file__).parent
EXPERIMENTS = HERE.parents[1] / "experiments"
BLOCK = re.compile(r"(<!-- table: (\S+) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
CIRCUMSTANCES = ("hardmine", "commit", "tree", "torch", "numpy", "python", "processor", "instructions", "threads")


def keep(report: Path) -> Path:
    """Take the results of a report into this folder, and its figures where the gallery shows them.

    Args:
        report: ``report/<plan>`` in a project.
    """
    record = read_record(report)
    if record is None:
        raise SystemExit(f"{report}/made.json: missing or not readable; run the plan first.")
    folder = HERE / report.resolve().name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("statistics.csv", "tuned.csv", "failed.csv"):
        if name in record.outputs:
            shutil.copyfile(report / name, folder / name)
    for picture in (HERE.parent / "images/gallery" / folder.name).glob("*.svg"):
        if f"figures/{picture.name}" in record.outputs:
            shutil.copyfile(report / "figures" / picture.name, picture)
    project = report.resolve().parents[1]
    for table in sorted(project.glob(f"tuning/{folder.name}/*/table/trials.csv")):
        shutil.copyfile(table, folder / f"trials-{table.parts[-3]}.csv")
    model = read_record(next(project / place for place in record.inputs if place.startswith("models/")))
    made = {key: model.made_with[key] for key in CIRCUMSTANCES if model and key in model.made_with}
    order = {"baseline": record.settings["baseline"], "order": record.settings["order"]}
    content = {**order, "models_made_with": made, "report": record.outputs}
    (folder / "made.json").write_text(json.dumps(content, indent=1) + "\n")
    return folder


def results(folder: Path) -> str:
    """The results table."""
    made = json.loads((folder / "made.json").read_text())
    return table_markdown(pd.read_csv(folder / "statistics.csv"), made["baseline"])


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
    lines = [f"| {' | '.join(titles)} |", f"|---|{'--:|' * (len(titles) - 1)}"]
    for row in found.itertuples():
        numbers = (row.million_images, row.image_ms, row.core_hours, row.host_gb, row.device_gb)
        name = f"{row.plan} ({row.failed} runs failed)" if row.failed else row.plan
        cells = [
            name,
            str(row.trainings),
            str(row.trials or ""),
            *map(_number, numbers),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{', '.join(sorted(set(found.processor)))}, one thread a job."]) + "\n"


def headline(folder: Path) -> str:
    """Recall at 1 of every run, best first, for the first screen."""
    made = json.loads((folder / "made.json").read_text())
    _, rows = table_rows(pd.read_csv(folder / "statistics.csv"))
    lines = [f"| run | R@1, % | minus {made['baseline']} | |", "|---|--:|--:|---|"]
    for row in rows:
        gap = row["difference"], row["difference_half_width"]
        difference = "" if math.isnan(gap[0]) else percent(*gap, signed=True)
        lines.append(f"| {row['run']} | {percent(*row['cells'][0])} | {difference} | {row['verdict']} |")
    return "\n".join(lines) + "\n"


TABLES: dict[str, Callable[[Path], str]] = {
    "results": results,
    "headline": headline,
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
    """A page with its tables made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{TABLES[found[3]](HERE / found[2])}{found[4]}", text)


def pages() -> list[Path]:
    """Pages that may have tables."""
    return [HERE.parents[1] / "README.md", *sorted(HERE.parent.rglob("*.md"))]


def main() -> None:
    """Write the tables and figures, or take the results of a report first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="REPORT", help="a report whose results are taken in first")
    arguments = parser.parse_args()
    if arguments.keep:
        print(keep(arguments.keep))
    made = {page: page_with_tables(page.read_text()) for page in pages()}
    for page, text in (made | plans_with_headers()).items():
        if page.read_text() != text:
            page.write_text(text)
            print(page, file=sys.stderr)
    for folder in sorted(path.parent for path in HERE.glob("*/tuned.csv")):
        order = json.loads((folder / "made.json").read_text())["order"]
        found = {run: pd.read_csv(path) for run in order if (path := folder / f"trials-{run}.csv").exists()}
        plot_budget(found, HERE.parent / "images", f"budget-{folder.name}", png=False)


if __name__ == "__main__":
    main()
