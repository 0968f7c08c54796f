"""A training that is stopped and resumed equals one that goes straight on, bit for bit."""

import io
from collections.abc import Callable

import torch
from tiny import advance, build

from hardmine.methods import Method
from hardmine.methods.log import EpochLog
from hardmine.training.checkpoint import _plain


def assert_resumes(run: dict, steps: tuple[int, int] = (4, 6), **setup: object) -> None:
    """``resume_errors`` of a run as in a plan, on tiny images."""
    assert resume_errors(lambda: build(run, **setup), *steps) == []


def resume_errors(make: Callable[[], Method], before: int, after: int) -> list[str]:
    """Parts of the state, the log or the kept arrays that differ between a training and one that was resumed."""
    whole, stopped, resumed = make(), make(), make()
    torch.manual_seed(1)
    log = advance(whole, before + after)
    torch.manual_seed(1)
    part = advance(stopped, before)
    file = io.BytesIO()
    torch.save(_plain({"method": stopped.state_dict(), "log": part.state_dict(), "rng": torch.get_rng_state()}), file)
    advance(resumed, 3)  # whatever it remembers of these must be overwritten
    torch.manual_seed(999)
    saved = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    resumed.load_state_dict(saved["method"])
    rest = EpochLog()
    rest.load_state_dict(saved["log"])
    torch.set_rng_state(saved["rng"])
    advance(resumed, after, rest)
    found, expected = (
        {**_plain(method.state_dict()), "kept arrays": method.diagnostics.arrays, "log": means.means()}
        for method, means in ((resumed, rest), (whole, log))
    )
    return [name for name in expected if not _same(found[name], expected[name])]


def _same(first: object, second: object) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(_same, first, second))
    return first == second
