"""HDML as a method: who gets which gradient, averages, calibration, batch norm, NaN, resuming bit for bit."""

import io
import math

import numpy as np
import pytest
import torch
from tiny import advance, build
from torch import nn

from hardmine.errors import UserError
from hardmine.methods.hdml.method import HDMLMethod, Losses
from hardmine.methods.hdml.network import BlockAverage
from hardmine.methods.head_network import HeadNetwork
from hardmine.methods.log import EpochLog
from hardmine.settings.backbones import SmallCNN
from hardmine.training.checkpoint import _plain

KEYS = {"average_block": 4, "generator_width": 16}


def method_of(base_loss="npair", seed=0, **keys) -> HDMLMethod:
    run = {
        "method": "hdml",
        "base_loss": base_loss,
        "batch_size": {"npair": 8, "triplet": 9}[base_loss],
        **KEYS,
        **keys,
    }
    method = build(run, seed=seed)
    method.network.train()
    return method


def losses_of(method) -> Losses:
    return method.losses(torch.from_numpy(method.sampler.next_batch()))


GROUPS = {"network": "metric", "generator": "generator", "classifier": "classifier"}


def routing_errors(make) -> list[str]:
    """Groups whose gradient is not that of their own loss alone, with all other groups frozen."""
    wrong = []
    found = (method := make()).gradients(losses_of(method))
    for group, name in GROUPS.items():
        alone = make()
        for other in GROUPS:
            getattr(alone, other).requires_grad_(other == group)
        getattr(losses_of(alone), name).backward()
        expected = [weight.grad for weight in getattr(alone, group).parameters()]
        if not all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(found[group], expected, strict=True)):
            wrong.append(group)
    return wrong


def summed_gradients(self, losses):
    """The mistake to avoid: one backward of the sum."""
    weights = {group: list(getattr(self, group).parameters()) for group in GROUPS}
    flat = torch.autograd.grad(
        losses.metric + losses.generator + losses.classifier, [w for own in weights.values() for w in own]
    )
    rest = iter(flat)
    return {group: tuple(next(rest) for _ in own) for group, own in weights.items()}


def half(base_loss="npair"):
    return method_of(base_loss, variant="no-balance", alpha=1.0)


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_each_group_gets_the_gradient_of_its_own_loss_only(base_loss):
    assert routing_errors(lambda: half(base_loss)) == []


def test_summing_the_losses_into_one_backward_fails_the_routing_test(monkeypatch):
    monkeypatch.setattr(HDMLMethod, "gradients", summed_gradients)
    assert "network" in routing_errors(half)
    assert "generator" in routing_errors(half)


@pytest.mark.parametrize("group", list(GROUPS))
def test_an_update_of_one_group_leaves_the_others_unchanged(group):
    method = half()
    gradients = method.gradients(losses_of(method))
    before = {name: [w.detach().clone() for w in getattr(method, name).parameters()] for name in GROUPS}
    method.apply({group: gradients[group]})
    for name in GROUPS:
        same = all(torch.equal(a, b) for a, b in zip(before[name], getattr(method, name).parameters(), strict=True))
        assert same == (name != group)


def test_the_networks_gradient_goes_through_the_generator():
    plain, other = half(), half()
    with torch.no_grad():
        other.generator[3].weight.mul_(1.5)
    first, second = (m.gradients(losses_of(m))["network"] for m in (plain, other))
    assert not torch.allclose(first[0], second[0])


def test_a_stopped_gradient_reaches_the_head_but_not_the_backbone_through_synthetic_tuples():
    stopped = method_of(variant="no-balance", alpha=1.0, stop_gradient="pull")
    losses = losses_of(stopped)
    synthetic = losses.report["synthetic_loss"]
    found = torch.autograd.grad(
        synthetic, [stopped.network.head.weight, stopped.network.backbone.block1[0].weight], allow_unused=True
    )
    assert found[0].abs().sum() > 0
    assert found[1] is None


def test_stopping_at_lambda0_changes_the_gradient_and_not_the_loss():
    methods = [method_of(variant="no-balance", alpha=1.0, stop_gradient=stop) for stop in ("none", "lambda0")]
    for method in methods:
        method.balance.metric.value = 1.0
    found = [losses_of(method) for method in methods]
    assert float(found[0].metric.detach()) == float(found[1].metric.detach())
    assert float(found[0].report["lambda0"]) < 1
    gradients = [method.gradients(losses)["network"] for method, losses in zip(methods, found, strict=True)]
    assert not torch.allclose(gradients[0][0], gradients[1][0])


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_an_exact_generator_without_pulling_gives_the_real_loss(base_loss):
    method = method_of(base_loss, variant="no-pull", head="batch-norm-linear")
    network = method.network.double().train()
    network.head_norm.eval()
    method.classifier.double()
    head, rows = network.head, method.run.batch_size
    inverse = nn.Linear(head.out_features, head.in_features).double()
    with torch.no_grad():
        back = torch.linalg.pinv(head.weight) * math.sqrt(1 + network.head_norm.eps)
        inverse.weight.copy_(back)
        inverse.bias.copy_(-back @ head.bias)
    method.generator = inverse
    features = torch.rand(rows, head.in_features, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    z = network.embedding_of(features)
    metric = method.tuples.metric_loss(z)
    losses = method.with_synthetic(features, z, torch.zeros(rows, dtype=torch.int64), metric, metric, {})
    assert float(losses.report["synthetic_loss"].detach()) == pytest.approx(float(metric.detach()), abs=1e-10)


def test_candidates_carry_their_own_label_not_their_anchors():
    method = method_of(batch_size=4)
    logits = torch.full((6, 8), -30.0)
    for row, label in enumerate((7, 3, 7, 3, 7, 3)):
        logits[row, label] = 30.0
    entropy, means = method.tuples.recognition(logits, torch.tensor([7, 3, 7, 3]))
    assert means == 2
    assert float(entropy) == pytest.approx(0.0, abs=1e-6)


def test_block_mean_is_published_when_the_block_is_complete_and_skips_nan():
    average = BlockAverage(64)
    for _ in range(63):
        average.push(2.0)
    assert average.value == 1e6
    average.push(2.0)
    assert average.value == 2.0
    for value in [math.nan] + [4.0] * 63:
        average.push(value)
    assert average.value == 2.0
    average.push(4.0)
    assert average.value == 4.0


def test_a_block_average_saved_in_the_middle_goes_on():
    average, again = BlockAverage(64), BlockAverage(64)
    for value in range(10):
        average.push(float(value))
    again.load_state_dict(average.state_dict())
    for value in range(54):
        average.push(float(value))
        again.push(float(value))
    assert again.value == average.value == pytest.approx((45 + 53 * 54 / 2) / 64)


@pytest.mark.parametrize(("keep", "expected"), [(True, 0.0399), (False, 0.01)])
def test_running_statistics_take_synthetic_features_only_in_mode_both(keep, expected):
    network = HeadNetwork(SmallCNN(width=2, embedding=4), 1, 16, True, 0.01).train()
    noise = torch.randn(50, 16)
    noise -= noise.mean(dim=0)
    network.embedding_of(noise + 1)
    network.embedding_of(noise + 3, keep_statistics=keep)
    assert network.head_norm.running_mean.numpy() == pytest.approx(np.full(16, expected), abs=1e-6)


def test_statistics_of_the_batch_are_used_whether_they_are_kept_or_not():
    network = HeadNetwork(SmallCNN(width=2, embedding=4), 1, 16, True, 0.01).train()
    features = torch.randn(20, 16)
    assert torch.allclose(
        network.embedding_of(features), network.embedding_of(features, keep_statistics=False), atol=1e-6
    )


@pytest.mark.parametrize("statistics", ["both", "real-only"])
def test_beta_zero_trains_exactly_the_base_loss(statistics):
    full = method_of(beta=0.0, batch_norm_statistics=statistics)
    base = method_of(variant="base")
    advance(full, 6)
    advance(base, 6)
    expected, found = base.network.state_dict(), full.network.state_dict()
    different = {name for name in expected if not torch.equal(expected[name], found[name])}
    running = {"head_norm.running_mean", "head_norm.running_var", "head_norm.num_batches_tracked"}
    assert different == (running if statistics == "both" else set())


@pytest.mark.parametrize(
    ("keys", "feeds"),
    [
        ({"metric_average": "weighted-with-decay"}, lambda r: 0.5 * (r["metric_loss"] + r["decay"])),
        ({"metric_average": "with-decay"}, lambda r: r["metric_loss"] + r["decay"]),
        ({"metric_average": "metric", "alpha": 2.0}, lambda r: r["metric_loss"]),
    ],
)
def test_what_feeds_the_average_is_what_the_setting_names(keys, feeds):
    losses = losses_of(method_of(variant="no-balance", **keys))
    assert float(losses.average.detach()) == pytest.approx(float(feeds(losses.report).detach()))


@pytest.mark.parametrize(
    ("variant", "total"),
    [
        ("full", lambda r: r["reconstruction_loss"] + r["soft_loss"]),
        ("no-soft", lambda r: r["reconstruction_loss"]),
        ("no-recon", lambda r: r["soft_loss"]),
    ],
)
def test_the_variants_leave_out_a_part_of_the_generators_loss(variant, total):
    losses = losses_of(method_of(variant=variant))
    assert float(losses.generator.detach()) == pytest.approx(float(total(losses.report).detach()))


def test_without_pulling_no_factor_is_below_one_and_without_balance_both_halves_weigh_the_same():
    method = method_of(variant="no-pull")
    method.balance.metric.value = 1e-3
    assert float(losses_of(method).report["lambda0"]) == 1.0
    report = losses_of(method_of(variant="no-balance")).report
    expected = 0.5 * (report["metric_loss"] + report["decay"] + report["synthetic_loss"])
    assert float(report["loss"].detach()) == pytest.approx(float(expected.detach()))


def test_averages_at_zero_give_all_weight_to_synthetic_tuples_at_the_positives_distance():
    method = method_of()
    method.balance.metric.value = method.balance.generator.value = 0.0
    assert method.balance.hardness == 0.0
    assert method.balance.weight == 0.0
    assert math.isfinite(float(losses_of(method).metric.detach()))


def test_calibration_follows_from_the_first_block_and_is_logged():
    method = method_of(calibrate=True, first_lambda=0.5, first_weight=0.8)
    log = advance(method, 4)
    values = log.means()
    assert values["weight"] == values["lambda"] == 1.0
    assert "alpha" not in values
    assert method.balance.hardness == pytest.approx(0.5)
    assert method.balance.weight == pytest.approx(0.8)
    alpha, beta = method.balance.alpha, method.balance.beta
    assert alpha == pytest.approx(math.log(2) * method.balance.metric.value)
    assert beta == pytest.approx(-math.log(0.8) * values["generator_loss"], rel=1e-6)
    values = advance(method, 9).means()
    assert (values["alpha"], values["beta"]) == (alpha, beta)


def test_the_log_names_everything_that_a_step_uses():
    names = set(advance(method_of(), 2).means())
    losses = {"metric_loss", "decay", "synthetic_loss", "reconstruction_loss", "soft_loss", "generator_loss", "loss"}
    assert names >= losses | {"classifier_real", "classifier_synthetic", "lambda", "lambda0", "weight"}
    assert names >= {"metric_average", "generator_average", "alpha", "beta"}


def test_decoupled_decay_is_the_optimisers_and_leaves_batch_norms_alone():
    method = method_of(weight_decay_form="decoupled", weight_decay=0.1)
    groups = method.optimisers[0].param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0]
    assert groups[0]["decoupled_weight_decay"]
    assert sum(len(group["params"]) for group in groups) == len(list(method.network.parameters()))
    assert "decay" not in losses_of(method).report


def test_decay_twice_is_refused():
    with pytest.raises(UserError, match=r"training\.weight_decay: hdml has a weight_decay of its own"):
        build({"method": "hdml", "batch_size": 8}, weight_decay=0.1)


def test_generator_and_classifier_keep_their_rates_unless_told_to_follow_the_schedule():
    for schedule, expected in (("constant", 0.01), ("same", 0.005)):
        method = method_of(generator_schedule=schedule)
        method.step_number = method.total_steps // 2
        method.set_learning_rates()
        assert method.side_optimisers["generator"].param_groups[0]["lr"] == pytest.approx(expected)
        assert method.optimisers[0].param_groups[0]["lr"] == pytest.approx(0.0005)


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
@pytest.mark.parametrize("head", ["batch-norm-linear", "linear"])
def test_embeddings_have_length_one_at_test_only(base_loss, head):
    method = method_of(base_loss, head=head)
    advance(method, 3)
    images = method.images.plain(np.arange(10))
    method.network.eval()
    assert (method.network(images)["embedding"].norm(dim=1) - 1).abs().min() > 0.01
    assert torch.allclose(method.network.embed(images)["embedding"].norm(dim=1), torch.ones(10), atol=1e-5)


@pytest.mark.parametrize(
    ("part", "term"), [("network", "metric_loss"), ("generator", "synthetic_loss"), ("classifier", "soft_loss")]
)
def test_nan_stops_the_run_with_the_step_and_the_first_term(part, term):
    method = method_of()
    advance(method, 2)
    with torch.no_grad():
        next(getattr(method, part).parameters()).fill_(math.nan)
    with pytest.raises(UserError, match=f"'{term}' became nan at step 3"):
        method.step(EpochLog())


def test_twenty_seeds_train_without_nan():
    for seed in range(20):
        method = method_of(("npair", "triplet")[seed % 2], seed=seed, calibrate=bool(seed % 4 < 2))
        advance(method, 9)


def test_the_heads_start_scales_its_weights_and_nothing_else():
    plain, small = method_of().network.state_dict(), method_of(head_start=0.25).network.state_dict()
    assert torch.allclose(small["head.weight"], 0.25 * plain["head.weight"])
    assert all(torch.equal(plain[name], small[name]) for name in plain if name != "head.weight")


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_points_for_the_figure_are_kept_early_and_late(base_loss):
    method = method_of(base_loss)
    advance(method, method.total_steps)
    count = {"npair": 3, "triplet": 3}[base_loss]
    for moment in ("early", "late"):
        for kind in ("negatives", "pulled", "synthetic"):
            assert method.diagnostics.arrays[f"{moment}-{kind}"].shape == (count, 8)


@pytest.mark.parametrize(
    "keys", [{"base_loss": "npair", "average_block": 8}, {"base_loss": "triplet", "calibrate": True}]
)
def test_ten_and_ten_steps_are_twenty_steps_bit_for_bit(keys):
    whole = method_of(**keys)
    log = advance(whole, 20)
    first = method_of(**keys)
    part = advance(first, 10)
    file = io.BytesIO()
    torch.save(_plain({"method": first.state_dict(), "log": part.state_dict()}), file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    second, rest = method_of(**keys, seed=5), EpochLog()
    second.setup = whole.setup
    second.load_state_dict(saved["method"])
    rest.load_state_dict(saved["log"])
    advance(second, 10, rest)
    assert rest.means() == log.means()
    for name in GROUPS:
        for own, other in zip(
            getattr(whole, name).state_dict().items(), getattr(second, name).state_dict().items(), strict=True
        ):
            assert own[0] == other[0]
            assert torch.equal(own[1], other[1]), own[0]
    assert second.balance.state_dict() == whole.balance.state_dict()
