"""Twenty trainings of every method stay finite: plain images, copies, lone images, a collapsed start."""

import pytest
import torch
from tiny import advance, build

from hardmine.settings.methods import METHODS

SEEDS, STEPS = 20, 3
SMALL = {
    "triplet": {"selection": "distance"},
    "hdc": {"ratios": [1, 0.5], "head_channels": 4, "head_features": 8},
    "smart-mining": {"batch_triplets": 4, "random_epochs": 1, "epoch_anchors": 8},
    "schem": {"groups": 3, "group_size": 3},
    "hdml": {"batch_size": 8, "generator_width": 16},
    "daml": {"batch_size": 8},
    "dvml": {"batch_size": 8},
    "spectral": {"head": 8},
}


def collapse(network: torch.nn.Module) -> None:
    """Zeros in the last layer with weights: all embeddings fall onto one point."""
    layers = [part for part in network.modules() if isinstance(part, torch.nn.Linear)]
    with torch.no_grad():
        layers[-1].weight.zero_()


@pytest.mark.parametrize("name", sorted(set(METHODS.table) - {"random"}))
def test_no_training_of_twenty_leaves_the_finite_numbers(name: str) -> None:
    run = {"method": name, **SMALL.get(name, {})}
    for seed in range(SEEDS):
        kind = ("plain", "copies", "lone", "collapsed")[seed % 4]
        method = build(run, seed, copies=kind == "copies", lone=3 * (kind == "lone"))
        if kind == "collapsed":
            collapse(method.network)
        advance(method, STEPS)
        for key, value in method.network.state_dict().items():
            assert value.isfinite().all(), f"{kind}, seed {seed}: {key}"
