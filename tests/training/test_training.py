import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny import advance, build

from hardmine.errors import UserError
from hardmine.methods.log import EpochLog
from hardmine.training.loop import Best, read_weights

RUN = {"method": "triplet", "selection": "random"}


def test_schedules_have_their_values() -> None:
    cosine = build(RUN, schedule="cosine")
    assert [cosine.schedule(step) for step in (0, cosine.total_steps // 2)] == pytest.approx([1.0, 0.5])
    halving = build(RUN, schedule="halve-every-3-epochs")
    epochs = (1, 3, 4, 7, 10, 20)
    factors = [halving.schedule((epoch - 1) * halving.steps_per_epoch) for epoch in epochs]
    assert factors == [1, 1, 0.5, 0.25, 0.125, 0.015625]
    steps = build(RUN, schedule="steps", drop_at=[10, 15], drop_factor=0.5)
    assert [steps.schedule(step) for step in (0, 9, 10, 14, 15, 90)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_a_value_that_is_not_finite_stops_training_by_name() -> None:
    method = build({"method": "npair", "training": {"batch": {"classes": 8, "images_per_class": 2}}})
    with torch.no_grad():
        method.network.head.weight.fill_(math.nan)
    with pytest.raises(UserError, match="'loss' became nan"):
        advance(method, 1)


def test_the_log_gives_weighted_means() -> None:
    log = EpochLog()
    log.add("a", 1.0)
    log.add("a", torch.tensor(4.0, requires_grad=True), weight=2)
    assert log.means() == {"a": 3.0}


def test_the_best_epoch_counts_under_fair_and_the_last_under_paper() -> None:
    fair, paper = Best(fair=True), Best(fair=False)
    for score, mark in ((0.2, 1.0), (0.5, 2.0), (0.4, 3.0)):
        for best in (fair, paper):
            best.offer(score, int(mark), {"w": torch.tensor(mark)})
    assert fair.weights == {"w": torch.tensor(2.0)}
    assert paper.weights == {"w": torch.tensor(3.0)}


def test_bf16_trains(tmp_path: Path) -> None:
    assert math.isfinite(advance(build(RUN, precision="bf16"), 3).means()["loss"])


def test_a_pickle_where_safetensors_is_expected_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    torch.save({"w": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r"model\.safetensors: cannot be read as safetensors.*never pickles"):
        read_weights(path)


def test_a_truncated_model_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"w": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        read_weights(path)


def test_weights_of_another_run_are_taken_where_they_fit() -> None:
    method, other = build(RUN), build(RUN, seed=3)
    state = other.network.state_dict() | {"stranger": torch.zeros(2)}
    method.network.load_origin(state)
    assert all(
        torch.equal(value, other.network.state_dict()[name]) for name, value in method.network.state_dict().items()
    )
