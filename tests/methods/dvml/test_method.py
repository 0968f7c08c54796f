"""DVML as a method: worked numbers of a whole step, phases, who gets which gradient, controls, resuming."""

import math

import pytest
import torch
from resuming import resume_errors
from tiny import advance, build, same_weights, weights
from torch import nn

from hardmine.errors import UserError
from hardmine.methods.dvml.method import DVMLMethod
from hardmine.methods.log import EpochLog


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


Z = tensor([[2, 0], [0, 2], [2, 1], [1, 2]])
MU = tensor([[0.1, 0], [0, -0.1], [0.2, 0.1], [-0.1, 0.2]])
LOGS = tensor([[-2, -2], [-2, -1], [-1, -2], [0, -2]])
EPS = tensor([[1, -1], [0.5, 0], [-0.5, 1], [1, 1]])
Y = tensor([[2, 1], [0, 1], [1.5, 2], [0.5, 2.5]])
LABELS = torch.tensor([0, 1, 0, 1])
DECODER = ([[1, -1], [0.5, 1]], [0, -0.5], [[1, 0.5], [-0.5, 1]], [0.1, 0])


def method_of(base_loss="npair", seed=0, training=None, **keys) -> DVMLMethod:
    size = {"npair": 8, "triplet": 9}[base_loss]
    run = {"method": "dvml", "base_loss": base_loss, "batch_size": size, "decoder_width": 16, "head_start": 0.2, **keys}
    method = build(run, seed=seed, **(training or {}))
    method.network.train()
    return method


class Fixed(nn.Module):
    """Gives rows of its own whatever comes in."""

    def __init__(self, *rows):
        super().__init__()
        self.rows = nn.ParameterList([nn.Parameter(own.clone()) for own in rows])

    def forward(self, entering):
        return self.rows[0] if len(self.rows) == 1 else tuple(self.rows)


def of_v2(**keys) -> DVMLMethod:
    """The method with the example's embeddings, means, variances and decoder."""
    example = {"batch_size": 4, "prior_width": 1.0, "scales": "sum", "head": "linear", "decoder_batch_norm": False}
    method = method_of(**{**example, "decoder_width": 2, **keys})
    method.network.head, method.variation = Fixed(Z), Fixed(MU, LOGS)
    if method.decoder is not None:
        for place, (weight, bias) in ((0, DECODER[:2]), (2, DECODER[2:])):
            method.decoder[place] = nn.Linear(2, 2).double()
            method.decoder[place].weight.data, method.decoder[place].bias.data = tensor(weight), tensor(bias)
    return method


def step_of(method, noise, features=Y):
    return method.from_features(features, LABELS, noise)


def close(found, expected):
    found = torch.as_tensor(found).detach().double()
    assert torch.allclose(found, tensor(expected), atol=1.1e-6, rtol=0), found


BOTH = torch.stack([EPS, -EPS])
ONE = EPS[None]


def test_v2_the_four_losses_of_a_batch_with_two_draws():
    report = step_of(of_v2(), BOTH).report
    close(report["metric_loss"], 0.133678)
    close(report["synthetic_loss"], 0.325148)
    close(report["kl_loss"], 0.816554)
    close(report["reconstruction_loss"], 1.792827)
    close(step_of(of_v2(reconstruction="plain"), BOTH).report["reconstruction_loss"], 1.205884)


def test_v2_samples_and_rebuilt_features_of_one_draw():
    method = of_v2()
    loss = step_of(method, ONE).report["reconstruction_loss"]
    close(loss, 2.001601)
    close(loss / 2, 1.000800)
    close(loss * 4 / 2, 4.003202)
    close(loss * 4 / (20 * 4), 0.100080)
    varied = [[0.467879, -0.367879], [0.183940, -0.1], [-0.103265, 0.467879], [0.9, 0.567879]]
    rebuilt = [[3.118789, -1.051819], [0.845985, 1.491970], [1.486979, 1.701819], [1.608940, 3.017879]]
    from hardmine.methods.dvml.loss import variations

    added = variations(MU, LOGS, ONE, "reparameterised")[0]
    close(added, varied)
    close(method.decoder(Z + added), rebuilt)


def test_v3_gradients_of_the_loss_on_varied_embeddings():
    to_z = [[0.002507, 0.220894], [-0.000042, -0.059083], [-0.484660, 0.179581], [0.487508, -0.176554]]
    to_logs = [[0.000461, -0.040631], [-0.000004, 0], [0.073490, 0.033032], [0.243754, -0.032475]]
    for sampling in ("reparameterised", "constant"):
        method = of_v2(sampling=sampling)
        loss = step_of(method, ONE).report["synthetic_loss"]
        leaves = [*method.network.head.rows, *method.variation.rows]
        found = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        close(found[0], to_z)
        flows = sampling == "reparameterised"
        close(found[1], to_z if flows else [[0.0, 0]] * 4)
        close(found[2], to_logs if flows else [[0.0, 0]] * 4)


def test_v4_the_reconstruction_reaches_the_embedding_in_the_second_phase_only():
    second = [[0.699243, -1.818562], [0.228741, 0.457481], [-0.008138, -0.220380], [0.268087, 0.536175]]
    for variant, expected in (("one-phase", [[0.0, 0]] * 4), ("no-phase", second)):
        method = of_v2(variant=variant)
        losses = step_of(method, ONE)
        leaf = list(method.network.head.rows)
        loss = losses.report["reconstruction_loss"]
        close(torch.autograd.grad(loss, leaf, allow_unused=True, materialize_grads=True)[0], expected)


def test_v4_a_target_that_is_not_detached_takes_a_gradient_of_its_own():
    expected = [[-0.559395, 1.025910], [-0.422992, -0.245985], [0.006511, 0.149090], [-0.554470, -0.258940]]
    for detach in (True, False):
        features = Y.clone().requires_grad_()
        loss = step_of(of_v2(detach_target=detach), ONE, features).report["reconstruction_loss"]
        found = torch.autograd.grad(loss, features, allow_unused=True, materialize_grads=True)[0]
        close(found, [[0.0, 0]] * 4 if detach else expected)


@pytest.mark.parametrize(("variant", "total"), [("one-phase", 2.775574), ("no-phase", 2.618042)])
def test_v7_totals_of_both_phases(variant, total):
    close(step_of(of_v2(variant=variant), BOTH).groups["network"], total)


def test_the_decoder_gets_the_gradient_of_the_reconstruction_alone():
    method = of_v2(variant="no-phase")
    report = step_of(method, BOTH).report
    for name in ("kl_loss", "synthetic_loss", "metric_loss"):
        found = torch.autograd.grad(
            report[name], list(method.decoder.parameters()), retain_graph=True, allow_unused=True
        )
        assert all(own is None for own in found), name
    assert step_of(method, BOTH).groups["decoder"] == report["reconstruction_loss"]


def test_without_width_and_mean_varied_embeddings_are_the_embeddings():
    method = of_v2()
    method.variation = Fixed(torch.zeros_like(MU), torch.full_like(LOGS, -200.0))
    report = step_of(method, BOTH).report
    close(report["synthetic_loss"] - report["metric_loss"], 0.0)


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_weights_of_zero_train_the_base_loss_bit_for_bit(base_loss):
    alone = {"first_weights": [0, 0, 0, 1], "second_weights": [0, 0, 0, 1]}
    method, base = method_of(base_loss, **alone), method_of(base_loss, variant="base")
    advance(method, 6)
    advance(base, 6)
    assert same_weights(method, base)


def test_in_the_first_phase_the_decoder_changes_nothing_of_the_network():
    method, without = method_of(variant="one-phase"), method_of(variant="no-decoder", switch=1.0)
    advance(method, 6)
    advance(without, 6)
    assert without.decoder is None
    assert same_weights(method, without)
    assert all(
        torch.equal(a, b) for a, b in zip(method.variation.parameters(), without.variation.parameters(), strict=True)
    )


def test_phases_switch_where_the_settings_say_and_the_networks_gradient_with_them():
    method = method_of(switch=0.1)
    assert advance(method, 8).means()["second_phase"] == 0.0
    assert advance(method, 1).means()["second_phase"] == 1.0
    found = []
    for variant in ("one-phase", "no-phase"):
        method = method_of(variant=variant, first_weights=[1, 1, 1, 1], second_weights=[1, 1, 1, 1])
        losses = method.losses(torch.from_numpy(method.sampler.next_batch()))
        found.append(method.gradients(losses))
    assert not torch.equal(found[0]["network"][0], found[1]["network"][0])
    assert torch.equal(found[0]["decoder"][0], found[1]["decoder"][0])


def test_shuffled_variation_comes_from_the_image_before_and_the_decoder_still_sees_its_own():
    plain, shuffled = (step_of(of_v2(variation_from=kind), ONE).report for kind in ("own", "shuffled"))
    assert torch.equal(plain["reconstruction_loss"], shuffled["reconstruction_loss"])
    method = of_v2(variation_from="shuffled")
    added = MU + (LOGS / 2).exp() * EPS
    moved = Z + torch.stack([added[3], added[0], added[1], added[2]])
    from hardmine.methods.dvml.loss import metric_loss

    close(shuffled["synthetic_loss"], float(metric_loss(moved, method.run)))


def test_fixed_noise_has_neither_encoder_nor_decoder():
    method = method_of(variant="noise", noise_width=0.3)
    assert method.variation is None
    assert method.decoder is None
    features = torch.randn(8, method.network.head.in_features)
    noise = torch.zeros(5, 8, 8)
    still = method.from_features(features, torch.arange(8) % 4, noise).report
    assert float(still["synthetic_loss"]) == pytest.approx(float(still["metric_loss"]), abs=1e-6)
    moved = method.from_features(features, torch.arange(8) % 4, noise + 1).report
    assert float(moved["synthetic_loss"]) != pytest.approx(float(moved["metric_loss"]), abs=1e-3)
    total = 0.1 * moved["synthetic_loss"] + moved["metric_loss"]
    assert float(moved["loss"].detach()) == pytest.approx(float(total.detach()), abs=1e-6)


def test_no_sample_leaves_the_loss_on_varied_embeddings_out_of_the_sum():
    report = step_of(of_v2(variant="no-sample"), BOTH).report
    expected = report["kl_loss"] + report["reconstruction_loss"] + report["metric_loss"]
    close(report["loss"] - expected, 0.0)


def test_means_and_variances_learn_with_the_networks_rate():
    method = method_of()
    before = [own.detach().clone() for own in method.variation.parameters()]
    advance(method, 1)
    changes = [float((a - b).abs().max().detach()) for a, b in zip(before, method.variation.parameters(), strict=True)]
    assert changes == pytest.approx([1e-3] * 4, rel=1e-2)


def test_the_log_names_what_a_step_knows_of_its_variation():
    values = advance(method_of(), 2).means()
    assert set(values) >= {"kl_loss", "reconstruction_loss", "synthetic_loss", "metric_loss", "loss", "kl", "sigma"}
    assert set(values) >= {"mean_size", "embedding_length", "variation_ratio", "unexplained", "kept_label"}
    assert set(values) >= {"batch_recall_embedding", "batch_recall_mean", "batch_recall_sum", "gradient_cosine"}


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_points_for_the_figure_are_kept_early_and_late(base_loss):
    method = method_of(base_loss, training={"images": 99})
    advance(method, method.total_steps)
    for moment in ("early", "late"):
        for kind, count in (
            ("negatives", method.run.tuples - 1),
            ("synthetic", method.run.tuples - 1),
            ("positives", 1),
        ):
            assert method.diagnostics.arrays[f"{moment}-{kind}"].shape == (count, 8)


@pytest.mark.parametrize("variant", ["full", "noise", "no-phase"])
@pytest.mark.parametrize("reconstruction", ["squared", "plain"])
def test_equal_embeddings_and_classes_of_one_image_give_no_nan(variant, reconstruction):
    run = {"method": "dvml", "variant": variant, "batch_size": 12, "reconstruction": reconstruction}
    method = build(run, classes=9, images_per_class=1)
    with torch.no_grad():
        for own in method.network.parameters():
            own.zero_()
    advance(method, 3)
    assert all(torch.isfinite(value).all() for value in weights(method).values())


def test_nan_stops_the_run_with_the_step_and_the_first_term():
    method = method_of()
    advance(method, 2)
    with torch.no_grad():
        method.variation.mean.weight.fill_(math.nan)
    with pytest.raises(UserError, match="'kl_loss' became nan at step 3"):
        method.step(EpochLog())


@pytest.mark.parametrize("keys", [{}, {"base_loss": "triplet", "variant": "noise"}], ids=["full", "noise"])
def test_a_training_resumed_across_the_phases_border_is_one_undisturbed(keys):
    assert resume_errors(lambda: method_of(switch=0.1, **keys), 6, 6) == []


def test_the_base_is_that_of_daml_weight_for_weight():
    own = method_of(variant="base")
    other = build({"method": "daml", "batch_size": 8, "head_start": 0.2, "variant": "base"})
    advance(own, 4)
    advance(other, 4)
    assert same_weights(own, other)
