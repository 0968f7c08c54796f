"""HTG as a method: who gets which gradient, warm steps, controls, degenerate batches, resuming bit for bit."""

import math

import pytest
import torch
from resuming import resume_errors
from tiny import advance, build, same_weights, weights

from hardmine.errors import UserError
from hardmine.methods.htg.loss import against, in_favour, unit_gaps
from hardmine.methods.htg.method import HTGMethod, RealTriplets
from hardmine.methods.log import EpochLog

H1 = torch.tensor([[[2, 0], [1, 0], [1, 0]], [[1, 1], [0, 1], [1, 1]], [[0, 3], [1, 1], [1, -1.1]]])
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 3, 4, 5])


def method_of(seed=0, training=None, **keys) -> HTGMethod:
    small = {"generator_width": 16, "discriminator_width": 16}
    method = build({"method": "htg", **small, **keys}, seed=seed, **(training or {}))
    method.network.train()
    return method


def losses_of(method):
    return method.losses(torch.from_numpy(method.sampler.next_batch()))


def stirred(method):
    """The method with a generator that moves points."""
    torch.nn.init.normal_(method.generator.out.weight, std=0.3, generator=torch.Generator().manual_seed(1))
    return method


def flat(**keys):
    """The method for points of two dimensions, made ones only, with a generator that is the identity."""
    method = build(
        {"method": "htg", "warm_share": 0.0, "synthetic_share": 1.0, "generator_width": 4, "class_weight": 0.0, **keys},
        backbone={"width": 4, "embedding": 2},
    )
    method.network.train()
    method.step_number = 1  # a step that does not compare the network's gradients
    return method


def test_h2_the_networks_loss_and_the_generators_do_not_leak_into_each_other():
    points = H1.clone().requires_grad_()
    method = flat()
    losses = method.from_triplets(RealTriplets(points, LABELS))
    expected = {"network": against(unit_gaps(points), 0.2), "generator": in_favour(unit_gaps(points), 0.2)}
    for name, value in expected.items():
        assert float(losses.groups[name].detach()) == pytest.approx(float(value.detach()), abs=1e-6), name
        found = torch.autograd.grad(losses.groups[name], points, retain_graph=True)[0]
        assert torch.allclose(found, torch.autograd.grad(value, points)[0], atol=1e-5), name
    third = torch.autograd.grad(3 * losses.groups["network"], points, retain_graph=True)[0][:, 2]
    assert torch.allclose(third, torch.tensor([[0, -2.894094], [-0.707107, 0.707107], [0.736592, 0.669629]]), atol=1e-5)
    gradients = method.from_triplets(RealTriplets(H1, LABELS))
    (wanted,) = torch.autograd.grad(gradients.report["hardening_loss"], method.generator.out.weight, retain_graph=True)
    (found,) = torch.autograd.grad(gradients.groups["generator"], method.generator.out.weight)
    assert float(wanted.abs().sum()) > 0.1
    assert torch.allclose(found, wanted)


GROUPS = ("discriminator", "generator", "network")


def test_each_group_gets_the_gradient_of_its_own_loss_only():
    found = (method := stirred(method_of(warm_share=0.0))).gradients(losses_of(method))
    assert tuple(found) == ("discriminator", "generator", "network")
    for group in GROUPS:
        alone = stirred(method_of(warm_share=0.0))
        alone.step_number = 1  # a step that does not compare the network's gradients
        for other in GROUPS:
            getattr(alone, other).requires_grad_(other == group)
        losses_of(alone).groups[group].backward()
        expected = [weight.grad for weight in alone.parameters_of(group)]
        assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(found[group], expected, strict=True))


@pytest.mark.parametrize("group", GROUPS)
def test_an_update_of_one_group_leaves_the_others_unchanged(group):
    method = method_of(warm_share=0.0)
    gradients = method.gradients(losses_of(method))
    before = {name: [own.detach().clone() for own in method.parameters_of(name)] for name in GROUPS}
    method.apply({group: gradients[group]})
    for name in GROUPS:
        same = all(torch.equal(a, b) for a, b in zip(before[name], method.parameters_of(name), strict=True))
        assert same == (name != group)


def test_the_networks_gradient_goes_through_the_generator():
    plain, other = (
        method_of(warm_share=0.0, synthetic_share=1.0),
        stirred(method_of(warm_share=0.0, synthetic_share=1.0)),
    )
    first, second = (method.gradients(losses_of(method))["network"] for method in (plain, other))
    assert not torch.allclose(first[0], second[0])


def test_a_generator_that_moves_nothing_gives_the_real_loss():
    for keys in ({}, {"variant": "identity"}):
        report = losses_of(method_of(warm_share=0.0, **keys)).report
        assert float(report["synthetic_loss"].detach()) == pytest.approx(
            float(report["metric_loss"].detach()), abs=1e-6
        )


def test_the_identity_trains_as_the_base_does():
    identity, base = method_of(variant="identity"), method_of(variant="base")
    advance(identity, 10)
    advance(base, 10)
    other = base.network.state_dict()
    for name, value in identity.network.state_dict().items():
        assert torch.allclose(value.float(), other[name].float(), atol=2e-4), name


def test_without_a_share_for_made_triplets_the_base_loss_is_trained_bit_for_bit():
    method, base = method_of(synthetic_share=0.0, warm_share=0.0), method_of(variant="base")
    advance(method, 6)
    advance(base, 6)
    assert same_weights(method, base)


def test_warm_steps_train_network_and_discriminator_on_real_triplets_and_leave_the_generator():
    method, base = method_of(warm_share=0.25), method_of(variant="base")
    assert method.warm_steps == 10
    first = method.discriminator.layers[0].weight.detach().clone()
    values = advance(method, 10).means()
    advance(base, 10)
    assert same_weights(method, base)
    assert float(method.generator.out.weight.detach().abs().max()) == 0
    assert not torch.equal(first, method.discriminator.layers[0].weight)
    assert "synthetic_loss" not in values
    assert "synthetic_loss" in advance(method, 1).means()
    assert float(method.generator.out.weight.detach().abs().max()) > 0


@pytest.mark.parametrize(
    ("variant", "total"),
    [
        ("full", lambda r: r["hardening_loss"] + 0.7 * r["class_loss"]),
        ("no-adv", lambda r: 0.7 * r["class_loss"]),
        ("no-d", lambda r: r["hardening_loss"]),
    ],
)
def test_the_variants_leave_out_a_part_of_the_generators_loss(variant, total):
    method = stirred(method_of(variant=variant, warm_share=0.0, class_weight=0.7))
    losses = losses_of(method)
    assert float(losses.groups["generator"].detach()) == pytest.approx(float(total(losses.report).detach()), rel=1e-6)
    assert ("discriminator" in losses.groups) == (variant != "no-d")


def test_the_discriminators_loss_weighs_made_points():
    losses = losses_of(stirred(method_of(warm_share=0.0, fake_weight=0.3)))
    report = losses.report
    expected = report["discriminator_real"] + 0.3 * report["discriminator_fake"]
    assert float(losses.groups["discriminator"].detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    excess = float(report["class_loss"].detach()) - math.log(1.3)
    assert float(report["class_excess"].detach()) == pytest.approx(excess, rel=1e-5)


def test_the_discriminator_alone_adds_its_loss_on_real_points_to_the_networks():
    report = losses_of(method_of(variant="d-only", warm_share=0.0, class_weight=2.0)).report
    expected = report["metric_loss"] + 2 * report["discriminator_real"]
    assert float(report["loss"].detach()) == pytest.approx(float(expected.detach()), rel=1e-6)


@pytest.mark.parametrize("variant", ["step", "random"])
def test_rivals_without_a_generator_move_by_the_length_of_the_settings(variant):
    method = method_of(variant=variant, warm_share=0.0, step_length=0.05)
    assert method.generator is None
    report = losses_of(method).report
    assert float(report["moved_negative"]) <= 0.0501
    assert float(report["moved_negative"]) > (0.02 if variant == "step" else 0.0499)
    assert (float(report["gap_made"]) > float(report["gap_real"]) + 0.02) == (variant == "step")


def test_permuted_displacements_have_the_same_lengths_about_and_another_loss():
    plain, other = (losses_of(stirred(method_of(variant=v, warm_share=0.0))).report for v in ("full", "permuted"))
    assert float(plain["metric_loss"].detach()) == float(other["metric_loss"].detach())
    assert float(plain["synthetic_loss"].detach()) != float(other["synthetic_loss"].detach())


def test_random_negatives_are_those_of_the_triplet_baseline():
    method = method_of(variant="base")
    baseline = build({"method": "triplet", "selection": "random"})
    labels = torch.arange(16) // 4
    from hardmine.mining import random_negatives

    triplets = baseline.loss_module.select(torch.randn(16, 8), labels)
    found = random_negatives(labels, method.draws)
    assert all(
        torch.equal(a, b) for a, b in zip(triplets, (found.anchors, found.positives, found.negatives), strict=True)
    )


def test_the_log_names_what_a_step_knows_of_its_made_triplets():
    values = advance(method_of(warm_share=0.0), 3).means()
    names = {"metric_loss", "synthetic_loss", "hardening_loss", "discriminator_real", "discriminator_fake"}
    assert set(values) >= names | {"class_loss", "class_excess", "generator_loss", "recognised_real", "recognised_made"}
    assert set(values) >= {"gap_real", "gap_made", "in_band", "opposite", "moved_anchor", "kept_label"}


def test_points_for_the_figure_are_kept_early_and_late():
    method = method_of(training={"images": 320})
    advance(method, method.total_steps)
    for moment in ("early", "late"):
        for kind in ("negatives", "synthetic", "positives"):
            assert method.diagnostics.arrays[f"{moment}-{kind}"].shape == (40, 8)


@pytest.mark.parametrize("variant", ["full", "step", "random", "permuted"])
def test_equal_embeddings_and_classes_of_one_image_give_no_nan(variant):
    method = build({"method": "htg", "variant": variant, "warm_share": 0.0}, classes=6, images_per_class=1)
    with torch.no_grad():
        for own in method.network.parameters():
            own.zero_()
        method.network.head.bias.fill_(1.0)
    advance(method, 3)
    assert all(torch.isfinite(value).all() for value in weights(method).values())


def test_nan_stops_the_run_with_the_step_and_the_first_term():
    method = method_of(warm_share=0.0)
    advance(method, 2)
    with torch.no_grad():
        method.generator.out.weight.fill_(math.nan)
    with pytest.raises(UserError, match="'synthetic_loss' became nan at step 3"):
        method.step(EpochLog())


@pytest.mark.parametrize("variant", ["full", "random"])
def test_a_training_resumed_across_the_end_of_the_warm_steps_is_one_undisturbed(variant):
    assert resume_errors(lambda: method_of(variant=variant), 6, 6) == []


def test_the_mean_over_violating_triplets_is_the_librarys():
    method = method_of(variant="base", reduction="violating")
    baseline = build({"method": "triplet", "selection": "random"})
    vectors = 3 * torch.randn(16, 8, generator=torch.Generator().manual_seed(2))
    labels = torch.arange(16) // 4
    expected, logs = baseline.loss_module(vectors, labels)
    assert 0 < float(logs["active"]) < 1
    found = method.from_embeddings(vectors, labels).report["metric_loss"]
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
