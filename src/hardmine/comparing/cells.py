"""The cells of both tables, alike on terminal, page and paper."""

import math
from collections import Counter
from typing import NamedTuple

from hardmine.figures.titles import notes_on, title_of

from .datasets import DataSet
from .replicates import LEAST_DRAWS, Estimate
from .table import Answer, Comparison, Gain, Row

__all__ = ["Cell", "Table", "answers_table", "notes", "runs_table", "shown_p"]

_ANSWERS = ("question", "verdict", "difference", "p after Holm", "data set", "runs")


class Cell(NamedTuple):
    """A cell: its text, what the page sorts it by (None: the text), and its class there."""

    text: str
    value: float | None = None
    kind: str = ""


class Table(NamedTuple):
    """A table: titles of its columns, and its rows."""

    titles: list[str]
    rows: list[list[Cell]]


def runs_table(comparison: Comparison) -> Table:
    """A row a run and data set, without the columns that are empty in all of them."""
    measured = title_of(comparison.metric, comparison.k)
    gains = ("minus its control", "minus its base")
    titles = ["run", "data set", measured, "replicates", *gains, "published", "gap", "s", "settings"]
    rows = [_row(row) for row in comparison.rows]
    kept = [place for place in range(len(titles)) if any(row[place].text for row in rows)]
    return Table([titles[place] for place in kept], [[row[place] for place in kept] for row in rows])


def answers_table(comparison: Comparison) -> Table:
    """A row a question; none where nothing is asked."""
    return Table(list(_ANSWERS), [_answer(answer) for answer in comparison.answers])


def _row(row: Row) -> list[Cell]:
    printed, short = row.published, row.score.replicates < row.expected
    theirs, gap = (printed.value, printed.gap) if printed else (math.nan, math.nan)
    replicates = f"{row.score.replicates} of {row.expected}" if short else str(row.expected)
    failed = f" ({row.failed} failed)" if row.failed else ""
    return [
        Cell(row.run),
        Cell(row.dataset, None, "words"),
        Cell(row.score.percent(), row.score.mean),
        Cell(replicates + failed, row.score.replicates, "missing" if short or failed else ""),
        _gain(row.over_control, row.expected),
        _gain(row.over_base, row.expected),
        Cell(f"{_trimmed(theirs)} {printed.reader}" if printed else "", theirs),
        Cell(f"{100 * gap:+.1f}" if printed else "", gap),
        Cell("" if math.isnan(row.seconds) else f"{row.seconds:.0f}", row.seconds),
        Cell(row.tuned or "as written", None, "words"),
    ]


def _answer(answer: Answer) -> list[Cell]:
    one = answer.estimate
    return [
        Cell(answer.ask, None, "words"),
        Cell(answer.verdict, None, f"words verdict {answer.verdict}"),
        Cell(one.percent(signed=True) + _short(one, answer.expected), one.mean, _marked(one, answer.expected)),
        Cell(shown_p(answer.p), answer.p),
        Cell(answer.dataset, None, "words"),
        Cell(f"{answer.run} minus {answer.against}", None, "words"),
    ]


def shown_p(p: float) -> str:
    """A p value as tables have it; empty where there is none."""
    return "" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def notes(comparison: Comparison) -> list[str]:
    """Sentences below the tables: what was measured, what intervals speak of, what marks mean."""
    measured = title_of(comparison.metric, comparison.k)
    found = [
        f"{measured} in percent on test classes, mean over replicates (draw of classes, seed) ± half width of the 95 % "
        "t-interval; differences are paired over the replicates that both runs have.",
        *(_scope(group) for group in comparison.datasets),
    ]
    if comparison.answers:
        asked = "the one question" if len(comparison.answers) == 1 else f"all {len(comparison.answers)} questions"
        found.append(
            f"Verdicts are at 5 % after Holm's correction over {asked}; the other differences are not corrected and "
            "decide nothing."
        )
    else:
        found.append("No plan asks a question, so nothing is tested: intervals are not corrected and decide nothing.")
    if any(row.published for row in comparison.rows):
        found.append(
            "Published: of the run's method, the value that was read best (verified; third-party: in somebody else's "
            "text; not verified: recalled or from notes, no target); gap: measured minus published. What else differs "
            "stands in compare.csv (--to)."
        )
    if any(row.failed for row in comparison.rows):
        found.append("Trainings that failed count, with their best epoch before that or the untrained network.")
    return [*found, *notes_on([comparison.metric])]


def _scope(group: DataSet) -> str:
    trained = set().union(*group.expected.values())
    draws, sizes = len(group.draws), sorted(set(Counter(draw for draw, _ in trained).values()))
    seeds = f"{' or '.join(map(str, sizes))} seed{'s' if sizes != [1] else ''}"
    if draws >= LEAST_DRAWS:
        return f"{group.title}: {draws} draws of classes, {seeds} each; intervals speak of other draws of classes."
    drawn = "one draw of classes" if draws == 1 else f"{draws} draws of classes"
    each = " each" if draws > 1 else ""
    return f"{group.title}: {drawn}, {seeds}{each}; intervals speak of other seeds on the same classes."


def _gain(gain: Gain | None, expected: int) -> Cell:
    if gain is None:
        return Cell("", math.nan)
    one = gain.estimate
    text = f"{one.percent(signed=True)} ({gain.over}){_short(one, expected)}"
    return Cell(text, one.mean, _marked(one, expected))


def _short(one: Estimate, expected: int) -> str:
    """How many replicates a difference stands on, where some are missing."""
    return f", {one.replicates} of {expected}" if one.replicates < expected else ""


def _marked(one: Estimate, expected: int) -> str:
    return "missing" if one.replicates < expected else ""


def _trimmed(share: float) -> str:
    return f"{100 * share:.2f}".removesuffix("0")
