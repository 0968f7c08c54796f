"""HTL as a method: what its controls change, what it logs, resuming bit for bit, poor data."""

import numpy as np
import pytest
import torch
from resuming import assert_resumes
from tiny import advance, build

from hardmine.methods.log import EpochLog

OWN = {"method": "htl", "seeds": 2, "group": 2, "images_per_class": 4, "warmup": 0.2}


def run(**keys):
    return OWN | keys


def trained(steps=14, images_per_class=8, **keys):
    method = build(run(**keys), images_per_class=images_per_class)
    log = advance(method, steps)
    return method, log.means()


def test_the_first_tree_is_built_when_the_warm_up_ends_and_then_at_every_epoch():
    method, _ = trained(7)
    assert method.warmup_steps == 8
    assert method.margins.values is None
    assert method.sampler.nearest is None
    advance(method, 1)
    assert method.margins.values is None
    advance(method, 10)
    assert method.diagnostics.arrays["images"].tolist() == [8 * 16, 12 * 16, 16 * 16]
    assert method.diagnostics.arrays["nodes"].shape == (3, 17)


def test_the_warm_up_may_end_within_an_epoch():
    method, _ = trained(13, warmup=0.15)
    assert method.warmup_steps == 6
    assert method.diagnostics.arrays["images"].tolist() == [6 * 16, 8 * 16, 12 * 16]


def test_what_is_logged():
    _, means = trained(20)
    for name in ("margin_min", "margin_max", "spread_mean", "class_distance_mean", "nodes_level_1", "violating_flat"):
        assert name in means
    assert 0 <= means["nearest_kept"] <= 1
    assert means["margin_min"] <= means["margin_mean"] <= means["margin_max"]


def test_the_flat_control_has_the_mean_margin_of_each_batch():
    method, _ = trained(margins="mean")
    labels = torch.tensor([0, 0, 1, 1, 1])
    positives = torch.tensor([[p != a and labels[p] == labels[a] for p in range(5)] for a in range(5)])
    negatives = labels[:, None] != labels[None]
    found = method.margin_of(labels, positives, negatives)
    table = method.margins.values
    triplets = [
        float(table[labels[a], labels[n]])
        for a in range(5)
        for p in range(5)
        for n in range(5)
        if positives[a, p] and negatives[a, n]
    ]
    assert found.unique().numel() == 1
    assert float(found[0, 0]) == pytest.approx(np.mean(triplets), rel=1e-6)


def test_the_tree_control_has_a_margin_for_each_pair():
    method, _ = trained()
    labels = torch.tensor([0, 1, 2])
    mask = torch.ones(3, 3, dtype=torch.bool)
    assert torch.equal(method.margin_of(labels, mask, mask), method.margins.values[:3, :3])


def test_shuffled_margins_are_of_the_same_levels_at_other_pairs():
    found = {}
    spread_out = torch.randn(8, 8, generator=torch.Generator().manual_seed(0)).repeat_interleave(8, 0)
    for margins in ("shuffled", "tree"):
        method = build(run(margins=margins, tree_levels=64, linkage="none", warmup=0))
        method.embed_training = lambda rows: spread_out
        method.step(EpochLog())
        found[margins] = method.margins.values
    off = ~torch.eye(8, dtype=torch.bool)
    one, other = (found[margins][off].sort().values for margins in ("shuffled", "tree"))
    assert torch.allclose(one, other)
    assert not torch.equal(found["shuffled"], found["tree"])
    assert len(one.unique()) > 3


def test_a_flat_margin_on_balanced_batches_builds_no_tree():
    method, means = trained(margins="flat", sampler="balanced")
    assert method.margins.values is None
    assert "nodes_level_1" not in means
    assert means["margin"] == pytest.approx(0.2)
    assert means["violating"] == means["violating_flat"]


def test_the_samplers_are_those_of_the_settings():
    assert trained(margins="flat")[0].sampler.nearest.shape == (8, 7)
    assert trained(sampler="random")[0].sampler.nearest.shape == (8, 0)
    assert trained(sampler="balanced")[0].sampler.nearest is None


def test_a_frozen_tree_is_built_once():
    method, means = trained(20, rebuild="never")
    assert len(method.diagnostics.arrays["images"]) == 1
    assert "nearest_kept" not in means


@pytest.mark.parametrize(
    ("keys", "before"),
    [
        ({}, 10),
        ({}, 8),
        ({"margins": "shuffled", "linkage": "single"}, 12),
        ({"margins": "mean", "warmup": 0.15}, 7),
        ({"sampler": "random", "rebuild": "never", "linkage": "none"}, 11),
        ({"sampler": "balanced", "distance": "euclidean", "margin_floor": "zero"}, 9),
    ],
    ids=str,
)
def test_a_resumed_run_goes_on_bit_for_bit(keys, before):
    assert_resumes(run(**keys), (before, 8))


def test_training_lowers_the_loss():
    method = build(run(margins="flat", sampler="balanced"), learning_rate=0.003, images=6400)
    first = advance(method, 8).means()["loss"]
    advance(method, 24)
    assert advance(method, 8).means()["loss"] < first


def test_a_loss_of_a_batch_is_half_the_mean_over_all_triplets_by_loops():
    method, _ = trained(9)
    rows = torch.from_numpy(method.sampler.next_batch())
    vectors = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    unit = torch.nn.functional.normalize(vectors, dim=1)
    labels, table = method.images.labels[rows], method.margins.values
    values = [
        max(0.0, float((unit[a] - unit[p]).square().sum() - (unit[a] - unit[n]).square().sum() + table[la, ln]))
        for a, la in enumerate(labels)
        for p, lp in enumerate(labels)
        for n, ln in enumerate(labels)
        if a != p and la == lp and la != ln
    ]
    found = float(method.loss({"embedding": vectors}, rows, EpochLog()))
    assert found == pytest.approx(sum(values) / (2 * len(values)), rel=1e-5)


def test_equal_embeddings_and_repeated_images_give_finite_gradients():
    for distance in ("squared", "euclidean"):
        method, _ = trained(9, distance=distance)
        rows = torch.tensor([0, 0, 1, 8, 8, 9])
        for vectors in (torch.ones(6, 8), torch.randn(6, 8)[[0, 0, 1, 2, 2, 3]]):
            vectors = vectors.clone().requires_grad_()
            method.loss({"embedding": vectors}, rows, EpochLog()).backward()
            assert torch.isfinite(vectors.grad).all()


def test_a_batch_of_one_class_has_no_loss():
    method, _ = trained(9)
    vectors = torch.randn(3, 8, requires_grad=True)
    value = method.loss({"embedding": vectors}, torch.tensor([0, 1, 2]), EpochLog())
    value.backward()
    assert float(value.detach()) == 0
    assert float(vectors.grad.abs().max()) == 0


def test_classes_of_two_images_train():
    method = build(run(), images_per_class=2, images=320)
    log = advance(method, 12)
    assert all(np.isfinite(value) for value in log.means().values())
