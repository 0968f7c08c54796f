"""All subjects, one after another, one table: python -m benchmarks [--write docs/benchmarks.md] [subject …].

Every subject has a process of its own, so that none inherits another's threads, memory or caches. ``--write`` puts the
machine and the table between the two marks in a page. The exit status is 1 where a target is missed.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.table import Row, machine, markdown

SUBJECTS = (
    "training",
    "lrn",
    "tuples",
    "sampler",
    "method_steps",
    "contenders",
    "growth",
    "neighbour_lists",
    "schem_search",
    "evaluation",
    "packing",
    "settling",
    "pipeline",
    "page",
    "indexing",
    "serve",
    "gpu",
)
MARKS = ("<!-- measured: begin -->", "<!-- measured: end -->")


def rows_of(subject: str) -> list[Row]:
    """Run a subject."""
    command = [sys.executable, "-m", f"benchmarks.{subject}", "--json"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        return [Row(subject, "did not finish", float("nan"), "", at_most=0, how=f"exit status {result.returncode}")]
    return [Row(**row) for row in json.loads(result.stdout.splitlines()[-1])]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("subjects", nargs="*", help=f"of {', '.join(SUBJECTS)}; all without a name")
    options.add_argument("--write", type=Path, help="page to put the table into")
    chosen = options.parse_args()
    unknown = sorted(set(chosen.subjects) - set(SUBJECTS))
    if unknown:
        options.error(f"{', '.join(unknown)}: no such subject; there are {', '.join(SUBJECTS)}")
    description, rows = machine(), []
    for subject in chosen.subjects or SUBJECTS:
        start = time.monotonic()
        rows += rows_of(subject)
        print(f"{subject}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    missed = [row for row in rows if row.verdict == "FAIL"]
    met = sum(row.verdict == "pass" for row in rows)
    text = f"{description}\n\n{markdown(rows)}\n\nTargets met: {met} of {met + len(missed)}."
    print(text)
    if chosen.write:
        page = chosen.write.read_text()
        before, rest = page.split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        chosen.write.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
