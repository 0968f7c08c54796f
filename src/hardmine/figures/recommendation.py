"""The sentence a report opens with: which run to use, how sure that is, how long it took."""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd

from hardmine.artefacts import seconds_taken
from hardmine.retrieval import compare, summarise
from hardmine.retrieval.evaluate import FINAL
from hardmine.retrieval.statistics import Comparison

from .titles import title_of

__all__ = ["points", "recommend", "recommended_run", "seconds_by_seed", "training_seconds"]

METRIC = "map@r"
"""What runs are chosen by, on validation classes."""


def recommend(details: pd.DataFrame, seconds: Mapping[str, float] | None = None) -> str:
    """Which run to use, chosen by MAP@R on validation classes; test classes play no part.

    The best mean over seeds is compared with every other run by paired t-tests over the shared seeds, corrected after
    Holm. A run that is not significantly worse and whose mean difference to the best is at most one standard error
    ties with it: then the first of them in the plan is named, since plans go from the simple to the elaborate. A run
    between the two, neither tied nor proven worse, is named as a doubt.

    Args:
        details: ``details.csv``, of which run, seed, embedding, split, draw, metric and value are read; runs in the
            plan's order.
        seconds: of training, mean over seeds, by run; left out of the sentence where None.

    Returns:
        One to three sentences; the metric in percent, intervals of 95 %.
    """
    title = title_of(METRIC, None)
    values = _validation(details)
    if not values:
        return f"No run can be named: nothing was measured by {title} on validation classes."
    means = {run: summarise(by_seed) for run, by_seed in values.items()}
    best = max(means, key=lambda run: means[run].mean)
    against = compare(values, best)
    tied = _best_and_tied(best, against, values)
    chosen = tied[0]
    shown = f"{title} {_with_interval(means[chosen].mean, means[chosen].half_width)} % on validation classes"
    took = f" Its training took {_duration(seconds[chosen])} a seed." if seconds and chosen in seconds else ""
    if len(values) == 1:
        return f"There is one run, {chosen}: {shown}; nothing to choose from.{took}"
    if all(other.seeds < 2 for other in against.values()):
        second = max(against, key=lambda run: means[run].mean)
        return (
            f"Use {chosen}: {shown}, {points(-against[second].difference)} above {second}. One seed cannot tell that "
            f"from chance: give the plan more seeds.{took}"
        )
    if len(tied) > 1:
        others = _listed([run for run in tied if run != chosen])
        ahead = "" if chosen == best else f"; the highest mean, {100 * means[best].mean:.1f} %, is {best}'s"
        tie = f"Within noise it ties with {others}; it is the first of them in the plan{ahead}."
        return f"Use {chosen}: {shown}. {tie}{took}"
    return f"Use {chosen}: {shown}, {_certainty(chosen, against)}.{took}"


def recommended_run(details: pd.DataFrame) -> str | None:
    """The run that ``recommend`` names; None where nothing was measured on validation classes."""
    values = _validation(details)
    if not values:
        return None
    best = max(values, key=lambda run: summarise(values[run]).mean)
    return _best_and_tied(best, compare(values, best), values)[0]


def training_seconds(folder: Path) -> dict[str, float]:
    """Seconds of training by run, mean over seeds, see ``seconds_by_seed``."""
    return {run: sum(seconds.values()) / len(seconds) for run, seconds in seconds_by_seed(folder).items()}


def seconds_by_seed(folder: Path) -> dict[str, dict[int, float]]:
    """Seconds of training by run and seed: those of the journal, else of Snakemake's benchmark files, where they are.

    Snakemake measures the last call, also one that found the training as it was and took it back.

    Args:
        folder: ``logs/train/<plan>``.
    """
    journal = dict(seconds_taken(folder.parents[1] / "journal.csv"))
    found: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob("*/seed*.tsv")):
        with suppress(OSError, ValueError, IndexError):
            seconds = float(path.read_text().splitlines()[1].split("\t")[0])
            made = f"models/{folder.name}/{path.parent.name}/{path.stem}"
            found.setdefault(path.parent.name, {})[int(path.stem.removeprefix("seed"))] = journal.get(made, seconds)
    return found


def _validation(details: pd.DataFrame) -> dict[str, dict[int, float]]:
    """Finite values by run and seed."""
    final = details[(details.embedding == FINAL) & (details.draw == 0)]
    rows = final[(final.split == "validation") & (final.metric == METRIC)]
    values: dict[str, dict[int, float]] = {}
    for run, seed, value in zip(rows.run, rows.seed, rows.value, strict=True):
        if math.isfinite(value):
            values.setdefault(str(run), {})[int(seed)] = float(value)
    return values


def _best_and_tied(best: str, against: Mapping[str, Comparison], runs: Iterable[str]) -> list[str]:
    return [run for run in runs if run == best or _tied(against[run])]


def _tied(other: Comparison) -> bool:
    if other.seeds < 2 or other.verdict == "below":
        return False
    if other.verdict == "no spread" or not math.isfinite(other.half_width):
        return other.difference == 0
    from scipy.stats import t

    standard_error = other.half_width / float(t.ppf(0.975, other.seeds - 1))
    return -other.difference <= standard_error


def _certainty(best: str, against: Mapping[str, Comparison]) -> str:
    """How sure it is that nothing else is better."""
    doubts = [run for run, other in against.items() if other.verdict != "below"]
    nearest = max(against, key=lambda run: against[run].difference)
    gap = against[nearest]
    seeds = f"{gap.seeds} paired seeds"
    lead = f"{points(-gap.difference, gap.half_width)} above {nearest}"
    if not doubts:
        return f"{lead}, and above every other run beyond chance ({seeds}, 5 % after Holm's correction)"
    return f"{lead}; that it is better than {_listed(doubts)} is likely, not proven ({seeds}, 5 % after Holm)"


def points(difference: float, half_width: float = math.nan) -> str:
    """A difference of shares in points of percent, with the half width of its interval where that is finite."""
    return f"{_with_interval(difference, half_width)} points"


def _with_interval(mean: float, half_width: float) -> str:
    return f"{100 * mean:.1f}" + (f" ± {100 * half_width:.1f}" if math.isfinite(half_width) else "")


def _listed(runs: list[str]) -> str:
    """Names in a sentence, four at most."""
    shown = runs if len(runs) <= 4 else [*runs[:3], f"{len(runs) - 3} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
