"""Tables and figures of the docs from results that are kept in this folder: ``make tables``, ``make keep PLAN=…``.

A kept result is a folder of the plan's name with ``statistics.csv``, for a plan that tunes ``tuned.csv`` and the trials
of each run, and ``made.json``: the commit, the machine and the digest of every file of the report that they come from.
``rehearsal/plans.csv`` is what ``make rehearse`` wrote. A page has a table between ``<!-- table: PLAN NAME -->`` and
``<!-- end -->``.
"""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from hardmine.artefacts import read_record
from hardmine.figures.tables import table_markdown
from hardmine.figures.tuned import plot_budget, tuned_markdown

HERE = Path(__file__).parent
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
            *(f"{number:,.0f}" if number > 99 else f"{number:.2g}" for number in numbers),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{', '.join(sorted(set(found.processor)))}, one thread a job."]) + "\n"


TABLES: dict[str, Callable[[Path], str]] = {"results": results, "tuned": tuned, "plans": plans}


def page_with_tables(text: str) -> str:
    """A page with its tables made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{TABLES[found[3]](HERE / found[2])}{found[4]}", text)


def main() -> None:
    """Write the tables and figures, or take the results of a report first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="REPORT", help="a report whose results are taken in first")
    arguments = parser.parse_args()
    if arguments.keep:
        print(keep(arguments.keep))
    for page in sorted(HERE.parent.rglob("*.md")):
        text = page.read_text()
        if (made := page_with_tables(text)) != text:
            page.write_text(made)
            print(page, file=sys.stderr)
    for folder in sorted(path.parent for path in HERE.glob("*/tuned.csv")):
        order = json.loads((folder / "made.json").read_text())["order"]
        found = {run: pd.read_csv(path) for run in order if (path := folder / f"trials-{run}.csv").exists()}
        plot_budget(found, HERE.parent / "images", f"budget-{folder.name}", png=False)


if __name__ == "__main__":
    main()
