"""Smart Mining as a method: epochs, ablations, learning rates, bad input, resuming bit for bit."""

import numpy as np
import pytest
import tiny
import torch

from hardmine.errors import UserError
from hardmine.images import ImageStore
from hardmine.images.batches import TrainingImages
from hardmine.methods import Setup, build_method
from hardmine.methods.log import EpochLog
from hardmine.methods.smart_mining.settings import SmartMining
from hardmine.retrieval.clustering import clustering_metrics
from hardmine.settings.backbones import SmallCNN
from hardmine.settings.training import Training
from hardmine.training.checkpoint import _plain

RUN = {"method": "smart-mining", "batch_triplets": 8, "random_epochs": 1}


def method_of(labels, pixels=None, **modes):
    """A method on given labels, random images unless told."""
    labels = np.asarray(labels)
    draws = np.random.default_rng(0)
    pixels = draws.integers(0, 256, (len(labels), 16, 16, 1)) if pixels is None else pixels
    store = ImageStore(pixels.astype(np.uint8), np.arange(len(labels)), labels)
    training, device = Training(images=400), torch.device("cpu")
    images = TrainingImages(store, training.augmentation, device, 0)
    backbone = SmallCNN(width=2, embedding=8)
    torch.set_num_threads(1)
    return build_method(Setup(SmartMining(**{**RUN, **modes}), backbone, training, images, 1, 16, device, 0))


def logs_of(method, epochs):
    """What each epoch reports."""
    rows = []
    for _ in range(epochs):
        rows.append(tiny.advance(method, method.steps_per_epoch).means())
    return rows


def test_mining_begins_after_the_random_epochs_and_reports_what_the_issue_lists():
    method = tiny.build(RUN | {"random_epochs": 2})
    random, again, mined = logs_of(method, 3)
    assert "kappa" not in random | again
    assert {"kappa", "alpha", "beta", "target", "error_all", "error_random", "share_mined"} <= set(mined)
    assert {
        "share_outside",
        "share_random",
        "kappa_limit",
        "mu_positive",
        "mu_negative",
        "var_positive",
        "var_negative",
    } <= set(mined)
    assert {"triplet_loss", "global_loss", "loss"} <= set(mined)
    assert mined["kappa"] == pytest.approx(8.5)
    assert mined["share_mined"] + mined["share_outside"] + mined["share_random"] == pytest.approx(1)


def test_nothing_that_varies_from_run_to_run_is_reported():
    first, second = (logs_of(tiny.build(RUN | {"kappa_mode": "fixed", "kappa": 1}), 3) for _ in range(2))
    assert first == second


def test_mined_epochs_violate_more_than_random_ones():
    run = RUN | {"kappa_mode": "fixed", "kappa": 1.0}
    mined = logs_of(tiny.build(run, images_per_class=20), 4)[-1]
    assert mined["error_mined"] > mined["error_random"]
    assert mined["mined_negative"] <= mined["mined_positive"]


def test_without_a_mined_share_nothing_is_embedded_for_mining(monkeypatch):
    method = tiny.build(RUN | {"mined_share": 0})
    monkeypatch.setattr(method, "embed_training", None)
    assert all("kappa" not in row for row in logs_of(method, 3))


def test_refresh_leaves_network_and_random_numbers_as_they_were():
    method = tiny.build(RUN)
    tiny.advance(method, method.steps_per_epoch)
    before, numbers = tiny.weights(method), torch.get_rng_state()
    method.begin_epoch(1, EpochLog())
    assert all(torch.equal(value, before[name]) for name, value in tiny.weights(method).items())
    assert torch.equal(torch.get_rng_state(), numbers)
    assert method.network.training


def test_global_weight_zero_trains_on_the_ratio_loss_alone():
    row = logs_of(tiny.build(RUN | {"global_weight": 0}), 1)[0]
    assert row["loss"] == pytest.approx(row["triplet_loss"])
    row = logs_of(tiny.build(RUN | {"global_weight": 2}), 1)[0]
    assert row["loss"] == pytest.approx(row["triplet_loss"] + 2 * row["global_loss"])


def test_batch_counts_three_images_a_triplet():
    method = tiny.build(RUN)
    assert (method.images_per_step, method.steps_per_epoch, method.total_steps) == (24, 8, round(640 / 24))


def test_learning_rates_have_the_worked_values():
    shared = {"schedule": "halve-every-3-epochs", "optimiser": "sgd", "learning_rate": 0.1}
    shared |= {"head_rate": 10.0, "images": 20 * 8 * 24}
    method = tiny.build(RUN, **shared)
    for epoch, rate in ((1, 0.1), (3, 0.1), (4, 0.05), (7, 0.025), (10, 0.0125), (20, 0.0015625)):
        for step in (0, 7):
            method.step_number = (epoch - 1) * 8 + step
            method.set_learning_rates()
            assert [group["lr"] for group in method.optimisers[0].param_groups] == pytest.approx([rate, 10 * rate])
    head = method.optimisers[0].param_groups[1]["params"]
    assert [id(parameter) for parameter in head] == [id(parameter) for parameter in method.network.head.parameters()]
    counts = [len(group["params"]) for group in method.optimisers[0].param_groups]
    assert sum(counts) == len(list(method.network.parameters()))


def test_schedule_falls_from_its_start_to_its_end_over_the_mined_epochs():
    run = RUN | {"kappa_mode": "schedule", "kappa": 16.0, "random_epochs": 1}
    scales = [row["kappa"] for row in logs_of(tiny.build(run, images=4 * 8 * 24), 4)[1:]]
    assert scales == pytest.approx([16, 4, 1])


def test_controller_hears_the_share_of_its_scope():
    method = tiny.build(RUN | {"error_scope": "mined", "prior": [[0.9, 1], [0.3, 2]]}, images_per_class=20)
    rows = logs_of(method, 3)
    (error, kappa), *_ = method.controller._pairs
    assert (error, kappa) == (pytest.approx(rows[1]["error_mined"]), pytest.approx(rows[1]["kappa"]))


def test_target_out_of_reach_is_said_once_with_the_ceiling(capsys):
    logs_of(tiny.build(RUN | {"target_error": 0.99, "mined_share": 0.25}), 4)
    assert capsys.readouterr().out.count("out of reach") == 1


@pytest.mark.parametrize("index", ["hnsw", "nsg", "fanng"])
def test_graphs_serve_the_method(index):
    row = logs_of(tiny.build(RUN | {"index": index, "k": 20}, images_per_class=30), 2)[1]
    assert row["share_mined"] + row["share_outside"] + row["share_random"] == pytest.approx(1)


@pytest.mark.parametrize("mode", ["random-triplet", "farthest-positive", "skip"])
def test_triplets_are_triplets_in_every_mode(mode):
    labels = np.repeat(np.arange(10), 4)
    method = method_of(labels, outside_empty=mode, kappa_mode="fixed", kappa=1.5, triplets_per_anchor=2)
    tiny.advance(method, method.steps_per_epoch + 1)
    anchors, positives, negatives = method.sampler._triplets.T
    assert (labels[anchors] == labels[positives]).all()
    assert (labels[anchors] != labels[negatives]).all()
    assert (anchors != positives).all()


def test_classes_of_one_image_are_negatives_only():
    labels = np.array([0] * 6 + [1] * 6 + list(range(2, 20)))
    method = method_of(labels)
    tiny.advance(method, 6)
    assert (labels[method.sampler._triplets[:, 0]] < 2).all()


@pytest.mark.parametrize("copies", ["pairs", "all"])
def test_copies_of_images_give_finite_losses(copies):
    labels = np.repeat(np.arange(4), 8)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 1))
    pixels = np.repeat(pixels[::2], 2, axis=0) if copies == "pairs" else np.repeat(pixels[:1], 32, axis=0)
    row = logs_of(method_of(labels, pixels, kappa_mode="fixed", kappa=1), 3)[-1]
    assert np.isfinite(list(row.values())).all()


def test_list_longer_than_the_data_is_cut_with_a_message(capsys):
    method = method_of(np.repeat(np.arange(4), 5), k=500)
    assert "500 is cut to the 19" in capsys.readouterr().out
    assert np.isfinite(list(logs_of(method, 2)[-1].values())).all()


def test_one_class_is_refused():
    with pytest.raises(UserError, match="two classes"):
        method_of(np.zeros(8, dtype=np.int64))


def test_distances_of_mined_triplets_are_kept_before_and_after():
    method = tiny.build(RUN | {"kappa_mode": "fixed", "kappa": 1}, images_per_class=20)
    logs_of(method, 3)
    method.begin_epoch(3, EpochLog())
    first, last = (method.diagnostics.arrays[f"distances_{name}"] for name in ("first", "last"))
    assert first.shape == last.shape == (2, 2, 40)
    assert (first.sum(dim=2) == first.sum(dim=2)[0, 0]).all()
    assert not torch.equal(first, last)


def test_mutual_information_is_over_the_arithmetic_mean():
    found = clustering_metrics(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1]))["nmi"]
    assert found == pytest.approx(0.478704, abs=5e-7)
    assert abs(found - 0.479139) > 1e-4


@pytest.mark.parametrize(
    "modes",
    [
        {},
        {"epoch_anchors": 40, "global_scope": "running", "line": "prior-slope"},
        {"triplets_per_anchor": 2, "kappa_mode": "schedule", "kappa": 4, "outside_empty": "skip"},
        {"index": "hnsw", "kappa_mode": "fixed", "kappa": 1},
    ],
)
@pytest.mark.parametrize("stop", [10, 16, 19])
def test_resumed_training_is_the_same_bit_for_bit(modes, stop, tmp_path):
    whole = tiny.build(RUN | modes)
    log = tiny.advance(whole, stop)
    torch.save(_plain({"method": whole.state_dict(), "log": log.state_dict()}), tmp_path / "state.pt")
    numbers = torch.get_rng_state()
    tiny.advance(whole, 26 - stop, log)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    resumed, log_again = tiny.build(RUN | modes), EpochLog()
    resumed.load_state_dict(state["method"])
    log_again.load_state_dict(state["log"])
    torch.set_rng_state(numbers)
    tiny.advance(resumed, 26 - stop, log_again)
    assert all(torch.equal(value, tiny.weights(resumed)[name]) for name, value in tiny.weights(whole).items())
    assert log.means() == log_again.means()
    for name, value in whole.diagnostics.arrays.items():
        assert torch.equal(value, resumed.diagnostics.arrays[name])
