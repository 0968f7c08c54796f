"""The comparison as files: CSV, Markdown, LaTeX, and what it was made of."""

import hashlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from hardmine.artefacts import read_regular, write_text, writing
from hardmine.artefacts.circumstances import commit_here
from hardmine.errors import UserError
from hardmine.figures.tables import escaped
from hardmine.foreign import in_csv, in_markdown, markdown_table, shown
from hardmine.installing import installed_version

from .cells import Cell, Table, answers_table, notes, runs_table
from .datasets import draws_of
from .page import write_page
from .replicates import Estimate
from .table import Comparison

__all__ = ["check_target", "markdown_of", "write_comparison"]

MADE_BY = "hardmine compare"
_LARGEST_RECORD = 2**24
COLUMNS = (
    *("dataset", "run", "method", "quantity", "against", "metric", "k", "value", "half_width", "half_width_seeds"),
    *("over", "draws", "replicates", "expected", "p", "p_holm", "verdict", "words"),
)
"""Of ``compare.csv``: a row a quantity (score, over control, over base, question, published, gap, seconds, failed).

Shares in [0, 1]; seconds and counts as they are. ``over``: what the interval speaks of, draws or seeds;
``half_width_seeds``: that of the interval over seeds alone. ``words``: the question, how settings were found, who read
a published value, what else differs.
"""


def check_target(folder: Path) -> None:
    """Refuse a folder that holds something else than an earlier comparison.

    Raises:
        UserError: it is a file, or a folder that is not empty and has no record of a comparison.
    """
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise UserError(f"--to {folder}: is a file; name a folder.")
    if not os.path.isdir(folder) or not os.listdir(folder):
        return
    try:
        record = read_regular(folder / "made.json", _LARGEST_RECORD)
    except OSError:
        record = b""
    if f'"{MADE_BY}"'.encode() not in record[:200]:
        raise UserError(f"--to {folder}: holds something else than a comparison; name another folder.")


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write ``compare.csv``, ``compare.md``, ``compare.tex``, ``index.html`` and, last, ``made.json``.

    Raises:
        UserError: a file cannot be written.
    """
    with writing(folder / "compare.csv") as temporary:
        table = pd.DataFrame(_quantities(comparison), columns=list(COLUMNS)).astype({"k": "Int64"})
        table.to_csv(temporary, index=False, float_format="%.9g", lineterminator="\n")
    tables = [table for table in (runs_table(comparison), answers_table(comparison)) if table.rows]
    below = "".join(f"\n{in_markdown(note)}\n" for note in notes(comparison))
    write_text(folder / "compare.md", "\n".join(map(markdown_of, tables)) + below)
    write_text(folder / "compare.tex", "\n".join(map(_tex, tables)))
    write_page(comparison, _provenance(comparison), folder / "index.html")
    write_text(folder / "made.json", json.dumps(_provenance(comparison), indent=1) + "\n")


def _quantities(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for row in comparison.rows:
        head: dict[str, Any] = {"dataset": in_csv(row.dataset), "run": row.run, "method": row.method}
        head |= {"metric": comparison.metric, "k": comparison.k, "expected": row.expected}
        yield head | {"quantity": "score", "words": row.tuned} | _numbers(row.score, tested=False)
        for quantity, gain in (("over control", row.over_control), ("over base", row.over_base)):
            if gain is not None:
                yield head | {"quantity": quantity, "against": gain.over} | _numbers(gain.estimate, tested=True)
        if printed := row.published:
            more = f"; {printed.more} more published values in the report" if printed.more else ""
            words = f"{printed.reader}: {printed.source}{more}"
            yield head | {"quantity": "published", "value": printed.value, "words": in_csv(words)}
            yield head | {"quantity": "gap", "value": printed.gap, "words": in_csv(printed.differs)}
        if not math.isnan(row.seconds):
            yield head | {"quantity": "seconds", "value": row.seconds, "metric": None, "k": None}
        yield head | {"quantity": "failed", "value": row.failed, "metric": None, "k": None}
    methods = {(row.dataset, row.run): row.method for row in comparison.rows}
    for answer in comparison.answers:
        yield {
            "dataset": in_csv(answer.dataset),
            "run": answer.run,
            "method": methods[answer.dataset, answer.run],
            "quantity": "question",
            "against": answer.against,
            "metric": comparison.metric,
            "k": comparison.k,
            "expected": answer.expected,
            "p_holm": answer.p,
            "verdict": answer.verdict,
            "words": in_csv(shown(answer.ask)),
        } | _numbers(answer.estimate, tested=True)


def _numbers(one: Estimate, tested: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"value": one.mean, "half_width": one.half_width, "half_width_seeds": one.half_width_seeds}
    found |= {"over": one.over, "draws": one.draws, "replicates": one.replicates}
    return found | ({"p": one.p} if tested else {})


def markdown_of(table: Table) -> str:
    """A table as Markdown, cells as they stand on the page."""
    return markdown_table(table.titles, "-" * len(table.titles), ([cell.text for cell in row] for row in table.rows))


def _tex(table: Table) -> str:
    """A LaTeX ``tabular`` (package booktabs)."""
    head = rf"{' & '.join(map(escaped, table.titles))} \\"
    body = [rf"{' & '.join(map(_tex_cell, row))} \\" for row in table.rows]
    columns = "l" * len(table.titles)
    rules = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule", *body, r"\bottomrule"]
    return "\n".join([*rules, r"\end{tabular}"]) + "\n"


def _tex_cell(cell: Cell) -> str:
    text = escaped(" ".join(shown(cell.text).split()))
    return text.replace("±", r"$\pm$").replace("–", "--").replace("<", "$<$")


def _provenance(comparison: Comparison) -> dict[str, Any]:
    """What the comparison was made of: commit, metric, and of each report what it is and what it stands on."""
    reports = {}
    for group in comparison.datasets:
        for one in group.plans:
            inputs = json.dumps(one.record.inputs, sort_keys=True)
            reports[one.plan.plan] = {
                "dataset": group.title,
                "draw": "; ".join(draws_of(one.plan)),
                "commit": one.record.made_with.get("commit", ""),
                "inputs": hashlib.sha256(inputs.encode()).hexdigest(),
                "files": one.digests,
            }
    metric = comparison.metric if comparison.k is None else f"{comparison.metric}@{comparison.k}"
    here = {"hardmine": installed_version(), **commit_here()}
    return {"made_by": MADE_BY, "metric": metric, "made_with": here, "reports": reports}
