"""From a run's search space to its trials: points of a Sobol sequence, as settings."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hardmine.errors import nearest

from .base import Settings
from .methods import METHODS
from .overlay import in_sections, laid_over
from .ranges import Range
from .run import RunSettings
from .search import Search
from .training import Training
from .tuning import RATE, Tuning

if TYPE_CHECKING:
    import numpy as np

    from .plan import Plan

__all__ = ["MOST_KEYS", "TRIAL_SEEDS", "Trial", "search_of", "space_of", "trial_seed", "trials_of", "with_values"]

MOST_KEYS = 5
"""Keys of a method's own that are searched at most."""
BATCH = "batch"
"""Stands in a search space for the keys that shape a batch, which change together."""
TRIAL_SEEDS = 2**31
"""Where the seeds of trials begin: above every seed of a plan."""


@dataclass(frozen=True)
class Trial:
    """One point of a run's search space.

    Attributes:
        number: from 0, the run's own settings.
        values: the searched keys with their values, dots in keys; none in trial 0.
        distance: from trial 0, between 0 and the root of the number of keys.
        run: the run with these values.
        training: its training section.
    """

    number: int
    values: dict[str, Any]
    distance: float
    run: RunSettings
    training: Training


def space_of(plan: "Plan", name: str) -> dict[str, Range]:
    """The search space of a run: keys of training, the shape of the batch, then keys of its method's own.

    Raises:
        ValueError: a key is none that can be searched; the message names it.
    """
    tuning, run = plan.tuning, plan.runs[name]
    assert tuning is not None
    training = plan.training_of(run)
    search = search_of(run, training)
    own = search.space() if run.tune is None else run.tune
    where = f"runs.{name}.tune"
    if len(own) > MOST_KEYS:
        raise ValueError(f"{where}: {len(own)} keys are more than {MOST_KEYS}; leave out {', '.join(own)[:80]} …")
    allowed = [key for key in run.own(for_training=True) if key != "method"]
    fields = [*(set(type(run).model_fields) - set(RunSettings.model_fields) - run.test_time)]
    space: dict[str, Range] = {}
    for key, values in tuning.shared.items():
        first, _, rest = key.partition(".")
        if first != "training" or not _has(training, rest):
            known = [f"training.{name}" for name in Training.model_fields]
            raise ValueError(f"tuning.shared: there is no key '{key}'{nearest(key, known)} of training")
        space[key] = _around(values, _own(training, rest), f"tuning.shared.{key}")
    if tuning.batch:
        shapes = search.batch_shapes(plan.classes_in_fold(name) or search.batch_classes)
        if len(shapes) > 1:
            space[BATCH] = Range(choices=tuple(shapes), reason="shapes that the method has")
    for key, values in own.items():
        if key.partition(".")[0] not in fields:
            hint = (
                " (keys of training go into tuning.shared, for every run alike)" if key.startswith("training") else ""
            )
            raise ValueError(
                f"{where}: {run.method} has no key '{key}' to search{nearest(key, fields) or hint}; allowed: "
                f"{', '.join(allowed)}"
            )
        if not _has(run, key):
            raise ValueError(f"{where}: {run.method} has no key '{key}'")
        value = _own(run, key)
        space[key] = _around(values, value, f"{where}.{key}")
    return space


def _around(values: Range, own: Any, where: str) -> Range:
    """The range about the value that a run has."""
    if values.relative and (not isinstance(own, int | float) or own == 0):
        raise ValueError(f"{where}: its value is {own!r}, which has no multiples; give low and high")
    return values.around(own)


def trials_of(plan: "Plan", name: str) -> list[Trial]:
    """The trials of a run, a function of the tuning section and the search space alone; more trials change none.

    Trial 0 is the run's own settings. Of the others, the first ``rate_trials`` move the learning rate alone.

    Raises:
        ValueError: a key cannot be searched, or the values of a trial contradict each other or other settings.
    """
    tuning, run = plan.tuning, plan.runs[name]
    assert tuning is not None
    space = space_of(plan, name)
    own = _own_values(plan, run, space)
    rate = {RATE: space[RATE]} if RATE in space else {}
    trials = [Trial(0, {}, 0.0, run, plan.training_of(run))]
    for number in range(1, tuning.trials):
        keys = rate if number <= tuning.rate_trials and rate else space
        shares = _sobol(len(keys), tuning.seed, _power(tuning.trials))[number]
        point = {key: values.at(share) for (key, values), share in zip(keys.items(), shares, strict=True)}
        gaps = [space[key].gap(value, own[key]) for key, value in point.items()]
        values = flat(point)
        changed, training = with_values(plan, name, values, f"runs.{name}.tune: trial {number}")
        trials.append(Trial(number, values, round(math.hypot(*gaps), 6), changed, training))
    return trials


def with_values(plan: "Plan", name: str, values: Mapping[str, Any], where: str) -> tuple[RunSettings, Training]:
    """A run of a plan, and its training section, with some keys changed.

    Raises:
        ValueError: the values contradict each other or other settings.
    """
    run = plan.runs[name]
    own, shared = in_sections(values)
    try:
        changed = type(run).model_validate(laid_over(run.model_dump(mode="json", exclude_unset=True), own))
        own_training = plan.training_of(run)
        training = Training.model_validate(laid_over(own_training.model_dump(mode="json"), shared))
        training = training.model_copy(update={"checkpoint_seconds": own_training.checkpoint_seconds})
        plan.check_training(changed, training)
    except ValidationError as error:
        fault = "; ".join(item["msg"].replace("Value error, ", "") for item in error.errors(include_url=False))
        raise ValueError(f"{where} ({_listed(values)}) contradicts itself: {fault}") from None
    except ValueError as error:
        raise ValueError(f"{where} ({_listed(values)}) contradicts itself: {error}") from None
    return changed, training


def flat(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point with the keys that shape a batch in place of the batch."""
    return {
        key: value for name, item in point.items() for key, value in (item if name == BATCH else {name: item}).items()
    }


def search_of(run: RunSettings, training: Training) -> Search:
    """What tuning needs to know of a run."""
    found: Search = METHODS.search(run.method)(run, training)
    return found


def trial_seed(tuning: Tuning) -> int:
    """Of the first fold's training; the others follow. Seeds of a plan are smaller."""
    return TRIAL_SEEDS + 64 * tuning.seed


def _own_values(plan: "Plan", run: RunSettings, space: Mapping[str, Range]) -> dict[str, Any]:
    training = plan.training_of(run)
    found: dict[str, Any] = {}
    for key in space:
        if key == BATCH:
            found[key] = space[BATCH].choices[0]
        else:
            value = _own(training, key.partition(".")[2]) if key.startswith("training.") else _own(run, key)
            found[key] = list(value) if isinstance(value, tuple) else value  # as choices are written
    return found


def _own(section: Any, key: str) -> Any:
    for part in key.split("."):
        section = getattr(section, part)
    return section


def _has(section: Any, key: str) -> bool:
    first, _, rest = key.partition(".")
    if not isinstance(section, Settings):
        return False
    return first in type(section).model_fields and (not rest or _has(getattr(section, first), rest))


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in values.items())


def _power(count: int) -> int:
    """The power of two from ``count`` on: a Sobol sequence is balanced at these lengths."""
    return 1 << max(count - 1, 1).bit_length()


@cache
def _sobol(keys: int, seed: int, count: int) -> "np.ndarray":
    """The first points of a scrambled Sobol sequence (Owen 1998), float64 [count, keys]; longer ones begin alike."""
    import numpy as np
    from scipy.stats.qmc import Sobol  # slow to import, and only tuning needs it

    points: np.ndarray = Sobol(keys, scramble=True, rng=np.random.default_rng(seed)).random(count)
    return points
