"""What tests of methods with several groups of weights ask alike."""

import io
from collections.abc import Callable

import torch
from tiny import advance

from hardmine.methods import Method
from hardmine.methods.log import EpochLog
from hardmine.training.checkpoint import _plain


def same_weights(first: Method, second: Method) -> bool:
    """Whether two networks are equal bit for bit."""
    other = second.network.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.network.state_dict().items())


def resume_errors(make: Callable[[int], Method], before: int, after: int) -> list[str]:
    """Parts whose state differs between an undisturbed training and one saved and taken up by a fresh method."""
    whole = make(0)
    log = advance(whole, before + after)
    first = make(0)
    part = advance(first, before)
    file = io.BytesIO()
    torch.save(_plain({"method": first.state_dict(), "log": part.state_dict()}), file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    second, rest = make(5), EpochLog()
    second.setup = whole.setup
    second.load_state_dict(saved["method"])
    rest.load_state_dict(saved["log"])
    advance(second, after, rest)
    wrong = [] if rest.means() == log.means() else ["log"]
    found, expected = _plain(second.state_dict()), _plain(whole.state_dict())
    return wrong + [name for name in expected if not _same(found[name], expected[name])]


def _same(first: object, second: object) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(_same, first, second))
    return first == second
