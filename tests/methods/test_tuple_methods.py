"""What HAP2S, quadruplet, PDDM and CCL have in common: they learn, resume, and stand batches that are not as usual."""

import numpy as np
import pytest
import torch
from resuming import assert_resumes
from tiny import advance, build, weights
from tuple_runs import RUNS

from hardmine.methods import Method

SMALL = {"images": 256}


def state(method: Method) -> dict[str, torch.Tensor]:
    """All tensors of the network and of the other parts that learn."""
    found = weights(method)
    for name in ("metric", "unit", "classifier"):
        part = method.parts.get(name)
        found |= {f"{name}.{key}": value.clone() for key, value in part.state_dict().items()} if part else {}
    return found


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
def test_two_trainings_are_equal_and_one_resumed_in_between_too(run: dict) -> None:
    assert_resumes(run, (3, 4), **SMALL)


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
def test_every_part_that_learns_moves(run: dict) -> None:
    method = build(run, images=160)
    before = state(method)
    advance(method, 6)
    still = {name for name, value in state(method).items() if torch.equal(value, before[name])}
    still -= {name for name in still if name.startswith("unit.") and not run.get("score_weight", 1)}
    assert still <= {"unit.score.bias"}


def tightness(method: Method) -> float:
    """Mean distance within the training classes over that between them."""
    rows, labels = method.embed_training(np.arange(64)), method.images.labels
    distances, same = torch.cdist(rows, rows), labels[:, None] == labels
    return float(distances[same].sum() / (same.sum() - 64) / distances[~same].mean())


LEARN = ("hap2s", "quadruplet", "pddm-random", "ccl")
"""Those that learn within sixty steps from random weights; the hardest tuples alone need more."""


@pytest.mark.parametrize("name", LEARN)
def test_a_short_training_tightens_classes(name: str) -> None:
    method = build(RUNS[name], learning_rate=0.003, images=960)
    before = tightness(method)
    advance(method, 60)
    assert tightness(method) < 0.75 * before


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
@pytest.mark.parametrize("start", ["collapsed", "repeated"])
def test_nothing_is_lost_where_all_embeddings_or_images_are_equal(run: dict, start: str) -> None:
    shape = {"classes": 4, "images_per_class": 1} if start == "repeated" else {}
    method = build(run, images=96, **shape)
    if start == "collapsed":
        with torch.no_grad():
            method.network.head.weight.zero_()
            method.network.head.bias.fill_(1.0)
    log = advance(method, 3)
    assert all(np.isfinite(value) for value in log.means().values())
    assert all(torch.isfinite(value).all() for value in state(method).values())


@pytest.mark.parametrize("name", ["hap2s-permuted", "quadruplet-learned", "pddm", "ccl", "ccl-mixed-unlabelled"])
def test_a_batch_in_parts_trains_as_the_whole_one_does(name: str) -> None:
    frozen = {"width": 4, "batch_norm": "frozen"}
    run = RUNS[name]
    sizes = ({}, {"forward_images": 5})
    whole, parts = (build(run, backbone=frozen, optimiser="sgd", learning_rate=0.01, **size) for size in sizes)
    for method in (whole, parts):
        advance(method, 2)
    for key, value in state(whole).items():
        assert torch.allclose(value, state(parts)[key], atol=2e-4, rtol=1e-3), key


@pytest.mark.parametrize("name", ["quadruplet-learned", "pddm"])
def test_parts_beside_the_network_learn_at_their_own_rate(name: str) -> None:
    key = "metric_rate" if name == "quadruplet-learned" else "unit_rate"
    groups = build(RUNS[name] | {key: 3.0}).optimisers[0].param_groups
    assert {group["start_lr"] for group in groups} == {0.001, 0.003}
    if name == "pddm":
        assert [group["weight_decay"] for group in groups] == [0.0, 0.001, 0.0]


def test_margins_are_fixed_in_the_first_steps() -> None:
    method = build({"method": "quadruplet", "fixed_share": 0.1}, images=640)  # 40 steps
    assert method.total_steps == 40
    assert advance(method, 4).means()["first_margin"] == 1.0
    later = advance(method, 4).means()
    assert 0 < later["first_margin"] < 1
    assert later["second_margin"] == pytest.approx(later["first_margin"] / 2)


def test_quadruplets_are_chosen_otherwise_until_the_unit_has_learned() -> None:
    method = build({"method": "pddm", "quadruplets": "per-class"})
    control = build({"method": "pddm", "quadruplets": "per-class", "picks": "distances"})
    first = [advance(each, method.steps_per_epoch) for each in (method, control)]
    assert first[0].means() == first[1].means()
    second = [advance(each, 1).means() for each in (method, control)]
    assert second[0]["loss"] != second[1]["loss"]


def test_the_loss_on_scores_does_not_reach_the_network_before_the_unit_chooses() -> None:
    method, other = (build({"method": "pddm", "score_weight": weight, "picks": "random"}) for weight in (1.0, 5.0))
    for each in (method, other):
        advance(each, each.steps_per_epoch)
    assert all(torch.equal(value, weights(other)[name]) for name, value in weights(method).items())
    for each in (method, other):
        advance(each, 1)
    assert not all(torch.equal(value, weights(other)[name]) for name, value in weights(method).items())
