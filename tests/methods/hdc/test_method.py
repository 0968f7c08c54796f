"""HDC as a method: its loss from the network's outputs, its groups and log, small batches, resuming bit for bit."""

import math

import numpy as np
import oracles_hdc as oracle
import pytest
import torch
from torch.nn import functional

from hardmine.errors import UserError
from hardmine.images import ImageStore
from hardmine.images.batches import TrainingImages
from hardmine.methods import Setup, build_method
from hardmine.methods.hdc.caffe_sgd import CaffeSGD
from hardmine.methods.hdc.settings import HDC
from hardmine.methods.log import EpochLog
from hardmine.settings.backbones import SmallCNN
from hardmine.settings.training import Training
from hardmine.training.checkpoint import _plain

torch.set_num_threads(1)
LABELS = np.repeat(np.arange(8), 10)


def method_of(labels=LABELS, training=None, batch=(4, 4), images=16 * 20, duplicates=False, **modes):
    pixels = np.random.default_rng(7).integers(0, 256, (len(labels), 16, 16, 1)).astype(np.uint8)
    if duplicates:
        pixels[:] = pixels[:1]
    store = ImageStore(pixels, np.arange(len(labels)), labels)
    shape = {"classes": batch[0], "images_per_class": batch[1]}
    chosen = Training.model_validate({"images": images, "batch": shape, **(training or {})})
    run = HDC.model_validate({"method": "hdc", "head_channels": 3, "head_features": 8, **modes})
    device = torch.device("cpu")
    source = TrainingImages(store, chosen.augmentation, device, 0)
    return build_method(Setup(run, SmallCNN(width=4, embedding=5), chosen, source, 1, 16, device, 0))


def advance(method, steps, log):
    for _ in range(steps):
        method.step(log)
        method.step_number += 1


def outputs_of(labels, seed=0):
    draws = torch.Generator().manual_seed(seed)
    shape = (len(labels), 5)
    return {f"level{level}": torch.randn(shape, generator=draws, dtype=torch.float64) for level in (1, 2, 3)}


def rows_of(labels):
    """Training images with the given labels."""
    return torch.tensor(
        [int(np.flatnonzero(label == LABELS)[labels[:i].count(label)]) for i, label in enumerate(labels)]
    )


BALANCED = [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5


def test_the_loss_is_the_sum_of_the_levels_by_loops():
    outputs = outputs_of(BALANCED)
    log = EpochLog()
    total = method_of().loss(outputs, rows_of(BALANCED), log).item()
    expected = [
        oracle.level(functional.normalize(vectors, dim=1).numpy(), BALANCED, ratio)
        for vectors, ratio in zip(outputs.values(), (1, 0.5, 0.2), strict=True)
    ]
    assert total == pytest.approx(sum(level[0] for level in expected), abs=1e-12)
    means = log.means()
    for number, (value, printed, positives, negatives, _) in enumerate(expected, start=1):
        assert means[f"level{number}_loss"] == pytest.approx(value, abs=1e-12)
        assert means[f"level{number}_loss_printed"] == pytest.approx(printed, abs=1e-12)
        assert (means[f"level{number}_positives"], means[f"level{number}_active_negatives"]) == (positives, negatives)


def test_shares_and_mean_losses_are_logged():
    log = EpochLog()
    method_of().loss(outputs_of(BALANCED), rows_of(BALANCED), log)
    means = log.means()
    assert [means[f"level{level}_positive_share"] for level in (1, 2, 3)] == [1, 0.5, 0.2]
    assert [means[f"level{level}_negative_share"] for level in (1, 2, 3)] == [1, 0.5, 0.2]
    assert means["level1_loss_kept"] == means["level1_loss_all"]
    assert means["level2_loss_kept"] > means["level2_loss_all"]


def test_the_legacy_gradient_is_scaled_level_by_level():
    gradients = []
    for legacy in (False, True):
        outputs = {name: vectors.requires_grad_() for name, vectors in outputs_of(BALANCED).items()}
        log = EpochLog()
        loss = method_of(legacy_grad=legacy).loss(outputs, rows_of(BALANCED), log)
        loss.backward()
        gradients.append((loss.item(), [vectors.grad for vectors in outputs.values()], log.means()))
    (value, plain, means), (same, scaled, _) = gradients
    assert same == pytest.approx(value, abs=1e-12)
    for number, (before, after) in enumerate(zip(plain, scaled, strict=True), start=1):
        assert torch.allclose(after, before * 2 / means[f"level{number}_triplet_accuracy"], rtol=1e-6)


def test_warm_epochs_keep_all_pairs():
    method = method_of(warm_epochs=2)
    assert method.steps_per_epoch >= 5
    method.step_number = 2 * method.steps_per_epoch - 1
    assert method.ratios == (1, 1, 1)
    method.step_number += 1
    assert method.ratios == (1, 0.5, 0.2)


@pytest.mark.parametrize("labels", [[0] * 6, [0, 1, 2, 3, 4, 5], [0], [0, 0], [0, 0, 0, 1]])
@pytest.mark.parametrize("equal", [False, True])
def test_degenerate_batches_have_finite_losses_and_gradients(labels, equal):
    outputs = outputs_of(labels)
    if equal:
        outputs = {name: vectors[:1].repeat(len(labels), 1) for name, vectors in outputs.items()}
    outputs = {name: vectors.requires_grad_() for name, vectors in outputs.items()}
    for modes in ({}, {"legacy_grad": True}, {"selection": "nested_own", "ratio_base": "previous"}):
        loss = method_of(**modes).loss(outputs, rows_of(labels), EpochLog())
        loss.backward()
        assert math.isfinite(loss.item())
        assert all(torch.isfinite(vectors.grad).all() for vectors in outputs.values())
    if len(set(labels)) == 1 and equal:
        assert loss.item() == 0
        assert not any(vectors.grad.any() for vectors in outputs.values())


def test_training_on_duplicates_goes_on():
    method = method_of(duplicates=True, training={"augmentation": {"shift": 0}}, head_dropout=0, last_dropout=0)
    advance(method, 3, EpochLog())
    assert all(torch.isfinite(parameter).all() for parameter in method.network.parameters())


@pytest.mark.parametrize(
    ("modes", "heads"),
    [
        ({"aux_init": "random"}, (0.1, 0.2)),
        ({"aux_init": "pretrained"}, (0.01, 0.02)),
        ({"aux_init": "random", "rate_multipliers": {"head_weights": 3, "head_biases": 0}}, (0.03, 0)),
    ],
    ids=["heads that start from random numbers", "heads of another run", "rates given"],
)
def test_trunk_heads_and_embedding_layers_have_rates_of_their_own(modes, heads):
    method = method_of(training={"optimiser": "sgd", "learning_rate": 0.01, "weight_decay": 2e-4}, **modes)
    names = {id(parameter): name for name, parameter in method.network.named_parameters()}
    seen = {}
    for group in method.optimisers[0].param_groups:
        assert group["momentum"] == 0.9
        for parameter in group["params"]:
            seen[names[id(parameter)]] = (round(group["start_lr"], 9), group["weight_decay"])
    assert set(seen) == set(names.values())
    for name, parameter in method.network.named_parameters():
        weights, biases = (0.1, 0.2) if ".embedding." in name else heads if name.startswith("heads.") else (0.01, 0.02)
        rate = biases if name.endswith(".bias") else weights
        assert seen[name] == (rate, 2e-4 if parameter.ndim > 1 else 0), name


def test_caffe_style_is_used_with_sgd_and_refused_with_adam():
    method = method_of(training={"optimiser": "sgd"}, sgd_style="caffe")
    assert isinstance(method.optimisers[0], CaffeSGD)
    advance(method, 2, EpochLog())
    with pytest.raises(UserError, match=r"has no meaning with training\.optimiser 'adam'"):
        method_of(sgd_style="caffe")


def test_a_backbone_without_the_taps_is_named():
    with pytest.raises(UserError, match="has no tap 'block9'"):
        method_of(taps=("block2", "block3", "block9"))


def test_the_pairs_of_the_first_epoch_and_of_the_end_are_kept_small():
    method = method_of(images=16 * 12, head_dropout=0, last_dropout=0)  # with it, dead features make embeddings equal
    advance(method, method.total_steps, EpochLog())
    arrays = method.diagnostics.arrays
    assert set(arrays) == {
        f"{moment}_{name}" for moment in ("first", "last") for name in ("distances", "labels", "kept")
    }
    assert arrays["last_distances"].shape == arrays["last_kept"].shape == (3, 120)
    assert arrays["last_kept"].sum(dim=1).tolist() == [120, 60, 4 + 19]
    assert sum(array.nbytes for array in arrays.values()) < 1e6


@pytest.mark.parametrize(
    "modes",
    [
        {},
        {"fixed_list": 7, "selection": "nested_own", "warm_epochs": 2},
        {"sgd_style": "caffe", "training": {"optimiser": "sgd"}, "ratios": [0.2]},
    ],
)
def test_t15_a_resumed_run_is_the_run_bit_for_bit_with_dropout(modes, tmp_path):
    straight, log = method_of(**modes), EpochLog()
    advance(straight, 10, log)
    state = {"method": straight.state_dict(), "log": log.state_dict()}
    torch.save({"state": _plain(state), "torch": torch.get_rng_state()}, tmp_path / "checkpoint.pt")
    advance(straight, 10, log)

    resumed, again = method_of(**modes), EpochLog()
    torch.manual_seed(12345)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    torch.set_rng_state(saved["torch"])
    resumed.load_state_dict(saved["state"]["method"])
    again.load_state_dict(saved["state"]["log"])
    advance(resumed, 10, again)

    assert resumed.step_number == straight.step_number == 20
    assert again.means() == log.means()
    for name, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    for name, value in straight.diagnostics.arrays.items():
        assert torch.equal(value, resumed.diagnostics.arrays[name]), name
