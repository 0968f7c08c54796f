"""DREML as a method: networks that do not touch each other, budgets, controls, resuming bit for bit, wrong settings."""

import numpy as np
import pytest
import torch
from costs import multiply_adds, parameters
from pydantic import ValidationError
from resuming import assert_resumes
from tiny import advance, build, weights

from hardmine.errors import UserError
from hardmine.methods.dreml.loss import meta_class_loss
from hardmine.methods.dreml.network import DREMLNetwork
from hardmine.methods.dreml.settings import DREML
from hardmine.methods.levels import join_levels
from hardmine.methods.log import EpochLog
from hardmine.settings.backbones import SmallCNN

RUNS = {
    "dreml": {},
    "turns": {"budget": "shared"},
    "same": {"merging": "same"},
    "independent": {"merging": "independent"},
    "similar": {"merging": "similar"},
    "classes": {"targets": "classes"},
    "one trunk": {"trunk": "shared"},
    "one": {"learners": 1},
    "unit": {"logits": "unit", "centre": True},
}


def method_of(training=None, **keys):
    return build({"method": "dreml", **keys}, **(training or {}))


def test_td5_centring_takes_away_what_the_loss_does_not_see():
    found = {}
    for centre in (False, True):
        network = DREMLNetwork(DREML(method="dreml", learners=1, centre=centre), SmallCNN(width=4, embedding=3), 1, 16)
        found[centre] = []
        for shift in (0.0, 1.0):
            logits = torch.tensor([[2.0, 0, 0], [0, 2.0, 0]]) + shift
            network.logits = lambda images, number, logits=logits: [logits]
            vectors = network.embed(torch.zeros(2, 1, 16, 16))["embedding"]
            found[centre].append(float(vectors[0] @ vectors[1]))
    assert found[False] == pytest.approx([0, 0.636364], abs=1e-6)
    assert found[True] == pytest.approx([-0.5, -0.5], abs=1e-6)


def test_td7_the_rates_of_the_released_schedule():
    method = method_of(
        {
            "images": 16 * 4 * 12,
            "optimiser": "sgd",
            "learning_rate": 0.01,
            "schedule": "steps",
            "drop_at": [6 * 4, 9 * 4],
            "drop_factor": 0.01,
        }
    )
    assert (method.steps_per_epoch, method.total_steps) == (4, 48)
    rates = []
    for epoch in range(12):
        method.step_number = 4 * epoch + 3
        method.set_learning_rates()
        rates.append([optimiser.param_groups[0]["lr"] for optimiser in method.optimisers])
    expected = [0.01] * 6 + [1e-4] * 3 + [1e-6] * 3
    assert [own[0] for own in rates] == pytest.approx(expected)
    assert all(len(set(own)) == 1 and len(own) == 4 for own in rates)


def test_td8_parameters_and_multiply_adds_of_four_narrow_networks():
    network = DREMLNetwork(DREML(method="dreml"), SmallCNN(width=8), 1, 32)
    assert parameters(network) == 296_608
    trunks = multiply_adds(network) - 4 * 64 * 16  # less the last layers
    assert trunks / 10_764_288 == pytest.approx(1.013699, abs=1e-6)
    assert [value.shape[1] for value in network(torch.zeros(2, 1, 32, 32)).values()] == [16] * 4


def test_a_step_of_one_network_leaves_the_others_their_weights_and_optimisers():
    method = method_of(budget="shared")
    for turn in (0, 1, 2, 3, 0):
        before = weights(method)
        states = [len(optimiser.state) for optimiser in method.optimisers]
        steps = [[float(own["step"]) for own in optimiser.state.values()] for optimiser in method.optimisers]
        advance(method, 1)
        after = weights(method)
        for name, _ in method.network.named_parameters():
            assert torch.equal(before[name], after[name]) != name.startswith(f"members.{turn}."), name
        for number, optimiser in enumerate(method.optimisers):
            same = [float(own["step"]) for own in optimiser.state.values()] == steps[number]
            assert (len(optimiser.state) == states[number] and same) == (number != turn)


def test_every_network_sees_the_budget_or_all_of_them_together():
    for budget, batches in (("each", 10), ("shared", 2.5)):
        method = method_of({"images": 160}, budget=budget)
        seen = []
        draw = method.sampler.next_batch
        method.sampler.next_batch = lambda network, draw=draw, seen=seen: seen.append(network) or draw(network)
        advance(method, method.total_steps)
        assert len(seen) == batches * 4
        assert abs(np.bincount(seen) - batches).max() <= 0.5


def test_networks_have_assignments_weights_and_orders_of_their_own():
    method = method_of()
    first, second = (method.network.members[k].state_dict() for k in (0, 1))
    assert not torch.equal(first["head.weight"], second["head.weight"])
    assert not np.array_equal(method.sampler.next_batch(0), method.sampler.next_batch(1))
    assert len({tuple(column) for column in method.merging.matrix.T.tolist()}) > 1


def test_the_gradient_is_clipped_network_by_network():
    plain, clipped = method_of({"optimiser": "sgd"}), method_of({"optimiser": "sgd", "gradient_clip": 1e-3})
    norms = []
    for method in (plain, clipped):
        advance(method, 1)
        norms.append(
            [float(torch.cat([p.grad.flatten() for p in own.parameters()]).norm()) for own in method.network.members]
        )
    assert min(norms[0]) > 1e-2
    assert norms[1] == pytest.approx([1e-3] * 4, rel=1e-2)


def test_as_many_meta_classes_as_classes_in_their_own_order_are_an_ordinary_softmax():
    method = method_of(learners=1)
    method.merging.matrix = torch.arange(8)[:, None]
    rows = torch.arange(0, 64, 5)
    outputs = method.network(method.images.plain(rows))
    value = method.loss(outputs, rows, EpochLog())
    labels = method.images.labels[rows]
    expected = torch.nn.functional.cross_entropy(outputs["learner1"], labels)
    assert float(value.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)


def test_each_learner_learns_its_own_column():
    method = method_of()
    rows = torch.arange(0, 64, 5)
    outputs = method.network(method.images.plain(rows))
    value = float(method.loss(outputs, rows, EpochLog()).detach())
    labels = method.images.labels[rows]
    columns = method.merging.matrix
    terms = [float(meta_class_loss(own, columns[labels, k]).detach()) for k, own in enumerate(outputs.values())]
    assert value == pytest.approx(sum(terms), rel=1e-6)


def test_embeddings_are_the_unit_logits_side_by_side():
    network = method_of().network.eval()
    found = network.embed(torch.rand(3, 1, 16, 16))
    assert list(found) == ["embedding", "learner1", "learner2", "learner3", "learner4", "first2"]
    joined = join_levels([found[f"learner{k}"] for k in (1, 2, 3, 4)], (1,) * 4) / 2
    assert torch.allclose(found["embedding"], joined, atol=1e-6)


def test_of_many_networks_the_first_are_shown_alone():
    network = DREMLNetwork(DREML(method="dreml", learners=12), SmallCNN(width=4, embedding=24), 1, 16)
    names = list(network.eval().embed(torch.rand(2, 1, 16, 16)))
    assert names == ["embedding", *(f"learner{k}" for k in range(1, 9)), "first2", "first4", "first8"]


def test_similar_classes_are_merged_before_the_first_step():
    method = method_of(merging="similar")
    random = method.merging.matrix.clone()
    advance(method, 1)
    assert not torch.equal(method.merging.matrix, random)
    assert torch.equal(method.diagnostics.arrays["meta_classes"], method.merging.matrix)


def test_every_network_starts_from_another_runs_only_one():
    origin, method = build({"method": "softmax"}), method_of()
    method.network.load_origin(origin.network.state_dict())
    for member in method.network.members:
        assert torch.equal(member.backbone.block1[0].weight, origin.network.backbone.block1[0].weight)
    again = method_of()
    again.network.load_origin(method.network.state_dict())
    assert torch.equal(again.network.members[3].head.weight, method.network.members[3].head.weight)


def test_all_trunks_learn_at_the_trunks_rate():
    method = build({"method": "dreml"}, backbone={"width": 4, "trunk_rate": 0.5}, head_rate=3)
    for optimiser, member in zip(method.optimisers, method.network.members, strict=True):
        rates = {id(p): group["start_lr"] for group in optimiser.param_groups for p in group["params"]}
        assert rates[id(member.backbone.block1[0].weight)] == pytest.approx(0.0005)
        assert rates[id(member.head.weight)] == pytest.approx(0.003)


@pytest.mark.parametrize("name", ["dreml", "turns", "classes", "one trunk", "unit"])
def test_a_few_epochs_lower_the_loss(name):
    method = method_of({"learning_rate": 0.01}, **{"learners": 2, **RUNS[name]})
    first = advance(method, 4).means()["loss"]
    advance(method, 8)
    assert advance(method, 4).means()["loss"] < first


@pytest.mark.parametrize("keys", RUNS.values(), ids=list(RUNS))
def test_resuming_equals_going_straight_on(keys):
    assert_resumes({"method": "dreml", "learners": 2, **keys}, steps=(2, 4), images=96)


def test_what_is_logged():
    method = method_of()
    means = advance(method, method.steps_per_epoch).means()
    assert 0 <= means["meta_class_accuracy"] <= 1
    assert means["merged_class_pairs"] == pytest.approx(4 * 3 / 28, abs=1e-6)  # 8 classes in two meta-classes of four
    assert {"common_mode", "logit_length", "correlation", "learner4_loss"} <= set(means)


def test_training_on_duplicates_and_on_classes_of_one_image_goes_on():
    same = method_of()
    same.images.store.pixels[:] = same.images.store.pixels[:1]
    single = build({"method": "dreml"}, classes=20, images_per_class=1)
    for method in (same, single):
        advance(method, 3)
        assert all(torch.isfinite(parameter).all() for parameter in method.network.parameters())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"targets": "classes", "merging": "same"}, "merges no classes"),
        ({"targets": "classes", "logits": "unit"}, "merges no classes"),
        ({"trunk": "shared", "budget": "shared"}, "turns between networks"),
        ({"learners": 1, "merging": "same"}, "nothing to share"),
        ({"learners": 1, "trunk": "shared"}, "nothing to share"),
    ],
)
def test_settings_that_mean_nothing_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        DREML.model_validate({"method": "dreml", **keys})


def test_networks_and_trainings_that_cannot_be_are_refused():
    for learners in (3, 8):
        with pytest.raises(UserError, match=r"cannot be shared equally by \d learners with two or more"):
            method_of(learners=learners)
    with pytest.raises(UserError, match="have 8 meta-classes each, training has 4 classes"):
        build({"method": "dreml", "learners": 1}, classes=4)
    with pytest.raises(UserError, match="40 images are asked for in a batch, the training split has 32"):
        build({"method": "dreml"}, images_per_class=4, batch={"classes": 4, "images_per_class": 10})
    with pytest.raises(UserError, match=r"forward_images: dreml"):
        method_of({"forward_images": 4})
