"""DAML as a method: who gets which gradient, its controls, warm steps, batch norm, resuming bit for bit."""

import math

import oracles_synthesis as oracle
import pytest
import torch
from resuming import resume_errors
from tiny import advance, build, same_weights, weights
from torch import nn

from hardmine.errors import UserError
from hardmine.methods.daml.method import DAMLMethod
from hardmine.methods.head_network import HeadNetwork
from hardmine.methods.log import EpochLog
from hardmine.methods.routed import GroupLosses
from hardmine.settings.backbones import SmallCNN

D1 = torch.tensor(
    [[1, 1], [1, 0], [0.5, -0.5], [1.6, 1.2], [1, 0.8], [0.5, 0.3], [2.6, 2.2], [-1, 1], [2.5, 1.5]],
    dtype=torch.float64,
)
MADE = torch.tensor([[1.8, 1.6], [0.2, 0.5], [2, 1]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 3, 4, 5])


def method_of(base_loss="npair", seed=0, training=None, **keys) -> DAMLMethod:
    size = {"npair": 8, "triplet": 9}[base_loss]
    run = {"method": "daml", "base_loss": base_loss, "batch_size": size, "generator_width": 16, **keys}
    method = build(run, seed=seed, **(training or {}))
    method.network.train()
    return method


def losses_of(method) -> GroupLosses:
    return method.losses(torch.from_numpy(method.sampler.next_batch()))


class Fixed(nn.Module):
    """Gives rows of its own whatever comes in."""

    def __init__(self, rows):
        super().__init__()
        self.rows = nn.Parameter(rows.clone())

    def forward(self, entering):
        return self.rows + 0 * entering.sum()


def of_d1(**keys) -> DAMLMethod:
    """The method on the three triplets, with f(y) = W y and given made negatives."""
    keys = {"warm_share": 0.0, "synthetic_share": 1.0, "feature_scale": "none", "head": "linear", **keys}
    method = method_of("triplet", **keys)
    method.unused_weights = True
    method.network.head = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        method.network.head.weight.copy_(torch.tensor([[1, 0.5], [0, 1]]))
    method.generator = Fixed(MADE)
    return method


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"adv_weight": 1.0}, (-0.146667, 0.198333, 0.133333, 0.130000)),
        ({"adv_weight": 50.0}, (-0.146667, 0.198333, 0.133333, 0.130000)),
        ({"adv_weight": 1.0, "routing": "joint"}, (1.131667, 1.390000, 1.003333, 0.773333)),
        ({"adv_weight": 50.0, "routing": "joint"}, (63.770000, 59.781667, 43.633333, 32.296667)),
    ],
)
def test_d2_what_reaches_the_metric_depends_on_the_routing(keys, expected):
    method = of_d1(**keys)
    found = method.gradients(method.from_features(D1, LABELS))["network"]
    place = [name for name, _ in method.network.named_parameters()].index("head.weight")
    assert found[place].flatten().tolist() == pytest.approx(expected, abs=1.1e-6)


def test_d3_what_reaches_the_generator_is_its_own_loss_or_the_sum():
    adversary = torch.tensor([[0.366667, 0.383333], [0.266667, 0], [1.416667, 1.541667]], dtype=torch.float64)
    metric = torch.tensor([[0, 0], [0.183333, -0.075], [0, 0]], dtype=torch.float64)
    for routing, expected in (("routed", adversary), ("joint", adversary + metric)):
        method = of_d1(adv_weight=1.0, routing=routing)
        (found,) = method.gradients(method.from_features(D1, LABELS))["generator"]
        assert torch.allclose(found, expected, atol=1.1e-6), routing


def test_d11_made_features_are_normalised_as_the_real_batch_is():
    network = HeadNetwork(SmallCNN(width=2, embedding=4), 1, 16, True, 0.1)
    network.head_norm = nn.BatchNorm1d(1, 1e-3).double().train()
    real, made = (torch.tensor([[a], [b]], dtype=torch.float64) for a, b in ((1, 3), (4, 6)))
    first = network.normed(real)
    assert first.flatten().tolist() == pytest.approx((-0.999500, 0.999500), abs=1e-6)
    before = network.head_norm.running_mean.clone()
    own, other = network.normed(made, keep_statistics=False), network.normed(made, like=real)
    assert own.flatten().tolist() == pytest.approx((-0.999500, 0.999500), abs=1e-6)
    assert other.flatten().tolist() == pytest.approx((1.999001, 3.998001), abs=1e-6)
    own, other, first = own.detach(), other.detach(), first.detach()
    assert float((own[0] - first[0]) ** 2) == pytest.approx(0, abs=1e-12)
    assert float((other[0] - first[0]) ** 2) == pytest.approx(8.991009, abs=1e-6)
    assert torch.equal(network.head_norm.running_mean, before)


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
@pytest.mark.parametrize("head", ["batch-norm-linear", "linear"])
def test_every_term_of_a_step_is_that_of_the_loops(base_loss, head):
    method = method_of(base_loss, head=head, margin=3.0, l2=0.4, hinge_factor=0.7, warm_share=0.0)
    method.network.double()
    method.generator.double()
    draws = torch.Generator().manual_seed(4)
    rows, width = method.run.batch_size, method.network.width
    features = torch.randn(rows, width, generator=draws, dtype=torch.float64)
    embeddings = method.network.embedding_of(features)
    entering = torch.stack([features[list(row)].flatten() for row in oracle.daml_rows(method.run.tuples, base_loss)])
    points = method.generator(entering)
    made = method.network.embedding_of(points, like=features)
    report = method.from_features(features, torch.arange(rows) % 4).report
    keys = {"margin": 3.0, "l2": 0.4, "hinge_factor": 0.7}
    arrays = (value.detach().numpy() for value in (features, embeddings, points, made))
    expected = oracle.daml(*arrays, method.run.tuples, base_loss, keys)
    for name, value in expected.items():
        assert float(report[name].detach()) == pytest.approx(value, rel=1e-9), name
    total = 0.5 * float(report["metric_loss"].detach()) + 0.5 * expected["synthetic_loss"]
    assert float(report["loss"].detach()) == pytest.approx(total, rel=1e-9)
    terms = expected["hard_loss"] + expected["reg_loss"] + 50 * expected["adv_loss"]
    assert float(report["generator_loss"].detach()) == pytest.approx(terms, rel=1e-9)


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_without_a_share_for_made_negatives_the_base_loss_is_trained_bit_for_bit(base_loss):
    made, base = method_of(base_loss, synthetic_share=0.0), method_of(base_loss, variant="base")
    advance(made, 6)
    advance(base, 6)
    assert same_weights(made, base)


def test_warm_steps_train_the_base_loss_and_the_generator_meanwhile():
    method, base = method_of(warm_share=0.1), method_of(variant="base")
    assert method.warm_steps == 8
    before = method.generator[0].weight.detach().clone()
    values = advance(method, 8).means()
    advance(base, 8)
    assert same_weights(method, base)
    assert values["share"] == 0.0
    assert not torch.equal(before, method.generator[0].weight)
    assert advance(method, 1).means()["share"] == 0.5
    advance(base, 1)
    assert not same_weights(method, base)


def test_an_update_of_the_generator_leaves_the_network_and_the_other_way_round():
    for group in ("generator", "network"):
        method = method_of(warm_share=0.0)
        gradients = method.gradients(losses_of(method))
        before = {name: [own.detach().clone() for own in method.parameters_of(name)] for name in gradients}
        method.apply({group: gradients[group]})
        for name, own in before.items():
            same = all(torch.equal(a, b) for a, b in zip(own, method.parameters_of(name), strict=True))
            assert same == (name != group)


def test_routed_the_adversarys_weight_changes_no_gradient_of_the_network():
    found = [method_of(warm_share=0.0, adv_weight=weight) for weight in (1.0, 50.0)]
    first, second = (method.gradients(losses_of(method)) for method in found)
    assert all(torch.equal(a, b) for a, b in zip(first["network"], second["network"], strict=True))
    assert not torch.equal(first["generator"][0], second["generator"][0])


def test_the_networks_gradient_goes_through_the_generator_unless_it_is_stopped():
    for stop in (False, True):
        method = method_of(warm_share=0.0, synthetic_share=1.0, stop_gradient=stop, head="linear", l2=0.0)
        features = torch.randn(8, method.network.width, generator=torch.Generator().manual_seed(1)).requires_grad_()
        embeddings = method.network.embedding_of(features).detach()
        loss = method.with_made(features, embeddings, torch.arange(8) % 4, features.sum()).report["synthetic_loss"]
        assert loss.requires_grad
        (found,) = torch.autograd.grad(loss, features, allow_unused=True, materialize_grads=True)
        assert bool(found.abs().sum() > 0) == (not stop)


@pytest.mark.parametrize(("variant", "way"), [("midpoint", 0.5), ("closed-form", None)])
def test_rivals_without_a_generator_put_negatives_where_they_say(variant, way):
    method = method_of("triplet", variant=variant, margin=0.01, warm_share=0.0)
    assert method.generator is None
    features = torch.randn(9, method.network.width, generator=torch.Generator().manual_seed(1))
    features[3:6] = features[:3] + 0.01
    report = method.from_features(features, LABELS).report
    assert float(report["off_line"]) == pytest.approx(0, abs=1e-9)
    assert float(report["way"]) == pytest.approx(way if way else float(report["best_way"]), abs=1e-6)
    assert float(report["best_way"]) < 0.3


def test_permuted_negatives_change_the_metrics_loss_and_not_the_generators():
    plain, other = (losses_of(method_of("triplet", variant=v, margin=900.0)).report for v in ("full", "permuted"))
    assert float(plain["generator_loss"]) == float(other["generator_loss"])
    assert float(plain["synthetic_loss"]) != float(other["synthetic_loss"])


def test_the_released_network_warms_up_on_unit_features_and_then_slows_its_trunk():
    method = method_of("triplet", preset="release", training={"weight_decay": 0.01})
    assert (method.run.routing, method.run.synthetic_share, method.network.width) == ("joint", 1.0, 8)
    with torch.no_grad():
        features = method.network.features(method.images.plain(torch.arange(5).numpy()))
    assert torch.allclose(features.norm(dim=1), torch.ones(5), atol=1e-5)
    rested = [*method.network.head.parameters(), *method.generator.parameters()]
    before = [own.detach().clone() for own in rested]
    advance(method, method.warm_steps)
    assert all(torch.equal(a, b) for a, b in zip(before, rested, strict=True))
    old = weights(method)
    method.set_learning_rates()
    rates = {bool(group.get("trunk")): group["lr"] for group in method.optimisers[0].param_groups}
    assert rates[True] == pytest.approx(rates[False] / 1000)
    advance(method, 1)
    new = weights(method)
    assert 0 < (new["feature_layer.weight"] - old["feature_layer.weight"]).abs().max() < 2e-6
    assert not torch.equal(new["head.0.weight"], old["head.0.weight"])


def test_the_log_names_what_a_step_knows_of_its_made_negatives():
    values = advance(method_of(), 20).means()
    assert set(values) >= {"hard_loss", "reg_loss", "adv_loss", "metric_loss", "synthetic_loss", "generator_loss"}
    assert set(values) >= {"violating_real", "violating_made", "way", "best_way", "off_line", "kept_label", "share"}
    assert set(values) >= {"gradient_ratio", "gradient_cosine"}
    assert -1.001 <= values["gradient_cosine"] <= 1.001


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_points_for_the_figure_are_kept_early_and_late(base_loss):
    method = method_of(base_loss, training={"images": 99})
    advance(method, method.total_steps)
    for moment in ("early", "late"):
        for kind in ("negatives", "synthetic"):
            assert method.diagnostics.arrays[f"{moment}-{kind}"].shape == (3, 8)
        assert method.diagnostics.arrays[f"{moment}-positives"].shape == ({"npair": 1, "triplet": 3}[base_loss], 8)


@pytest.mark.parametrize("variant", ["full", "midpoint", "closed-form", "permuted"])
@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_equal_embeddings_and_classes_of_one_image_give_no_nan(variant, base_loss):
    method = build(
        {"method": "daml", "base_loss": base_loss, "variant": variant, "batch_size": 12, "warm_share": 0.0},
        classes=9,
        images_per_class=1,
    )
    with torch.no_grad():
        for own in method.network.parameters():
            own.zero_()
    advance(method, 3)
    assert all(torch.isfinite(value).all() for value in weights(method).values())


def test_nan_stops_the_run_with_the_step_and_the_first_term():
    method = method_of()
    advance(method, 2)
    with torch.no_grad():
        method.generator[0].weight.fill_(math.nan)
    with pytest.raises(UserError, match="'synthetic_loss' became nan at step 3"):
        method.step(EpochLog())


@pytest.mark.parametrize(
    "keys",
    [{}, {"base_loss": "triplet", "routing": "joint"}, {"base_loss": "triplet", "preset": "release"}],
    ids=["routed", "joint", "release"],
)
def test_a_training_resumed_across_the_end_of_the_warm_steps_is_one_undisturbed(keys):
    assert resume_errors(lambda: method_of(warm_share=0.1, **keys), 6, 6) == []
