"""What the searches of a run and of its control say of their difference."""

import pandas as pd
from reading import trials_of

from hardmine.settings import Plan

NOT_SETTINGS = {"trial", "searched", "map@r", "map@r_se", "recall@1", "below_best", "below_best_se"}
NOT_SETTINGS |= {"distance", "failed", "rule", "chosen"}


def same_choice(plan: Plan, run: str, against: str) -> str:
    """Whether run and control were trained with the same settings, as far as they have the same keys."""
    if plan.runs[run].control != against:
        return ""
    pair = _pair(plan, run, against)
    if pair is None:
        return "yes"  # a control that was not searched takes those of its method
    alike = _alike(*pair) & (pair[0].chosen == "yes") & (pair[1].chosen == "yes")
    return "yes" if alike.any() else "no"


def of_search(plan: Plan, run: str, against: str) -> tuple[str, str, str] | None:
    """MAP@R of a run minus that of its control on held-out training classes, in points.

    Returns:
        In how many of the trials with equal settings it is above 0, the range of these differences, and the difference
        at what each chose. None where the two are not run and control, or one was not searched.
    """
    pair = _pair(plan, run, against)
    if plan.runs[run].control != against or pair is None:
        return None
    gaps = 100 * (pair[0]["map@r"] - pair[1]["map@r"])[_alike(*pair)]
    first, second = (float(table.loc[table.chosen == "yes", "map@r"].iloc[0]) for table in pair)
    above = f"{(gaps > 0).sum()} of {len(gaps)}"
    return above, f"{gaps.min():+.1f} to {gaps.max():+.1f}", f"{100 * (first - second):+.1f}"


def _pair(plan: Plan, run: str, against: str) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    own, other = trials_of(plan.plan, run), trials_of(plan.plan, against)
    return None if own is None or other is None else (own, other)


def _alike(own: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    """Which trials of one number have equal values of the keys that both have; the other keys are the mechanism's."""
    keys = [key for key in own.columns if key in other.columns and key not in NOT_SETTINGS]
    left, right = own[keys].fillna("").astype(str), other[keys].fillna("").astype(str)
    return (left == right).all(axis=1)
