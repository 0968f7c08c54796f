"""A resumed training against one that went straight on, bit for bit."""

import io

import torch
from tiny import advance, build, weights

from hardmine.training.checkpoint import _plain


def assert_resumes(run: dict, steps: tuple[int, int] = (4, 6), **setup: object) -> None:
    """All steps at once are those before a checkpoint, through a file, and those after it: weights, log, arrays."""
    before, after = steps
    straight, stopped, resumed = build(run, **setup), build(run, **setup), build(run, **setup)
    torch.manual_seed(1)
    log = advance(straight, before + after)
    torch.manual_seed(1)
    part = advance(stopped, before)
    file = io.BytesIO()
    torch.save({"method": _plain(stopped.state_dict()), "log": part.state_dict(), "rng": torch.get_rng_state()}, file)
    advance(resumed, 3)  # whatever it remembers of these must be overwritten
    torch.manual_seed(999)
    saved = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    resumed.load_state_dict(saved["method"])
    part.load_state_dict(saved["log"])
    torch.set_rng_state(saved["rng"])
    part = advance(resumed, after, part)
    for name, value in weights(straight).items():
        assert torch.equal(value, weights(resumed)[name]), name
    assert log.means() == part.means()
    assert straight.diagnostics.arrays.keys() == resumed.diagnostics.arrays.keys()
    for name, value in straight.diagnostics.arrays.items():
        assert torch.equal(value, resumed.diagnostics.arrays[name]), name
