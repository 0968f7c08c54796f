"""From data sets to what is shown: a row a run and data set, and an answer a question."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from hardmine.retrieval.statistics import holm

from .datasets import DataSet
from .replicates import Estimate, differences, estimate

__all__ = ["Answer", "Comparison", "Gain", "Printed", "Row", "comparison_of"]


@dataclass(frozen=True)
class Gain:
    """A run minus another, paired over the replicates that both have."""

    over: str
    estimate: Estimate


@dataclass(frozen=True)
class Printed:
    """A published value of the run's method on the data set.

    Attributes:
        value: a share in [0, 1].
        reader: verified, third-party (read in somebody else's text) or not verified (recalled, or from notes).
        gap: measured minus published.
        source: where it is printed.
        differs: what else is different.
        more: further published values.
    """

    value: float
    reader: str
    gap: float
    source: str
    differs: str
    more: int


@dataclass(frozen=True)
class Row:
    """A run on a data set.

    Attributes:
        dataset: its title.
        run: the run.
        method: its method.
        tuned: how its settings were found; empty where they are as written.
        score: over replicates.
        expected: replicates that the plans ask for.
        over_control: the gain over the run's control, where it names one.
        over_base: likewise over its base.
        published: a published value, where there is one.
        seconds: of a training, median; nan where no log tells.
        failed: trainings that diverged or collapsed; they count.
    """

    dataset: str
    run: str
    method: str
    tuned: str
    score: Estimate
    expected: int
    over_control: Gain | None
    over_base: Gain | None
    published: Printed | None
    seconds: float
    failed: int


@dataclass(frozen=True)
class Answer:
    """What the replicates say of a question; ``p`` is corrected after Holm over all questions of all plans."""

    dataset: str
    ask: str
    run: str
    against: str
    estimate: Estimate
    expected: int
    p: float
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """All that is shown; ``metric`` and ``k`` as ``hardmine.figures.titles.title_of`` takes them."""

    metric: str
    k: int | None
    datasets: list[DataSet]
    rows: list[Row]
    answers: list[Answer]


def comparison_of(datasets: Sequence[DataSet], metric: str, k: int | None) -> Comparison:
    """Rows by run, in the plans' order, with the data sets of a run together; answers in the plans' order."""
    runs = dict.fromkeys(run for group in datasets for run in group.values)
    rows = [_row(group, run) for run in runs for group in datasets if run in group.values]
    return Comparison(metric, k, list(datasets), rows, _answers(datasets))


def _answers(datasets: Sequence[DataSet]) -> list[Answer]:
    asked = [(group, question) for group in datasets for question in group.questions.values()]
    found = [_gain(group, question.run, question.against).estimate for group, question in asked]
    corrected = holm({f"{place:04}": one.p for place, one in enumerate(found)})
    return [
        Answer(
            *(group.title, question.ask, question.run, question.against, one),
            len(group.expected[question.run]),
            p,
            one.verdict(p),
        )
        for (group, question), one, p in zip(asked, found, corrected.values(), strict=True)
    ]


def _row(group: DataSet, run: str) -> Row:
    score = estimate(group.values[run])
    control, base = group.controls.get(run), group.bases.get(run)
    seconds = list(group.seconds[run].values())
    return Row(
        *(group.title, run, group.methods[run], group.tuned.get(run, ""), score, len(group.expected[run])),
        _gain(group, run, control) if control else None,
        _gain(group, run, base) if base else None,
        _printed(group, run, score.mean),
        statistics.median(seconds) if seconds else math.nan,
        len(group.failed[run]),
    )


def _gain(group: DataSet, run: str, over: str) -> Gain:
    return Gain(over, estimate(differences(group.values[run], group.values[over])))


def _printed(group: DataSet, run: str, measured: float) -> Printed | None:
    """The published value that was read best: by us, else by others, else by nobody; of equal ones the first."""
    tables = [one.published for one in group.plans if not one.published.empty]
    own = next((rows for table in tables if len(rows := table[table.run == run])), None)
    if own is None:
        return None
    order = ["verified", "third-party", "unverified"]
    best = own.iloc[min(range(len(own)), key=lambda place: order.index(own.iloc[place].provenance))]
    reader = "not verified" if best.provenance == "unverified" else best.provenance
    differs = "" if pd.isna(best.differs) else str(best.differs)
    return Printed(best.published, reader, measured - best.published, str(best.source), differs, len(own) - 1)
