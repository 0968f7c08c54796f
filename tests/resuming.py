"""A training that is stopped and resumed equals one that goes straight on, and points on a circle to compute with."""

import io
import math

import torch
from tiny import advance, build, weights
from torch import Tensor

from hardmine.training.checkpoint import _plain


def at(*degrees: float) -> Tensor:
    """Unit vectors in the plane, float64 [n, 2]."""
    angles = torch.tensor([math.radians(angle) for angle in degrees], dtype=torch.float64)
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def assert_resumes(run: dict, before: int, after: int, **setup: object) -> None:
    """Train ``before`` and ``after`` steps, once straight on and once through a checkpoint file."""
    straight, stopped, resumed = (build(run, **setup) for _ in range(3))
    torch.manual_seed(1)
    log = advance(straight, before + after)
    torch.manual_seed(1)
    part = advance(stopped, before)
    file = io.BytesIO()
    torch.save({"method": _plain(stopped.state_dict()), "log": part.state_dict(), "rng": torch.get_rng_state()}, file)
    torch.manual_seed(999)
    saved = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    resumed.load_state_dict(saved["method"])
    part.load_state_dict(saved["log"])
    torch.set_rng_state(saved["rng"])
    part = advance(resumed, after, part)
    for name, value in weights(straight).items():
        assert torch.equal(value, weights(resumed)[name]), name
    assert log.means() == part.means()
    kept, again = straight.diagnostics.arrays, resumed.diagnostics.arrays
    assert kept.keys() == again.keys()
    assert all(torch.equal(values, again[name]) for name, values in kept.items())


def central_differences(function: object, rows: Tensor, step: float = 1e-6) -> Tensor:
    """The gradient of a scalar function of rows, float64, by differences of its values."""
    gradient = torch.zeros_like(rows)
    for place in range(rows.numel()):
        moved = torch.zeros(rows.numel(), dtype=rows.dtype)
        moved[place] = step
        up, down = (float(function(rows + sign * moved.view_as(rows))) for sign in (1, -1))  # type: ignore[operator]
        gradient.view(-1)[place] = (up - down) / (2 * step)
    return gradient
