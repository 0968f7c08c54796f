"""SCHEM as a method: gradient routes, the network during mining, the bank, small data, resuming bit for bit."""

import numpy as np
import pytest
import torch

from hardmine.errors import UserError
from hardmine.images import ImageStore
from hardmine.images.batches import TrainingImages
from hardmine.methods import Setup, build_method
from hardmine.methods.log import EpochLog
from hardmine.methods.schem.settings import SCHEM
from hardmine.settings.backbones import SmallCNN
from hardmine.settings.training import Training
from hardmine.training.checkpoint import _plain

torch.set_num_threads(1)
TOY = {"groups": 3, "group_size": 4, "instance_pool": 2, "class_pool": (2, 3)}


def method_of(labels=None, seed=0, images=12 * 20, backbone=None, training=None, **modes):
    labels = np.repeat(np.arange(12), 12) if labels is None else labels
    draws = np.random.default_rng(7)
    pixels = draws.integers(0, 256, (len(labels), 16, 16, 1)).astype(np.uint8)
    pixels = (pixels // 3 + (labels * 14 % 170)[:, None, None, None]).astype(np.uint8)
    store = ImageStore(pixels, np.arange(len(labels)), labels)
    training = Training(images=images, **(training or {}))
    device = torch.device("cpu")
    return build_method(
        Setup(
            run=SCHEM(method="schem", **{**TOY, **modes}),
            backbone=SmallCNN(width=2, embedding=8, **(backbone or {})),
            training=training,
            images=TrainingImages(store, training.augmentation, device, seed),
            channels=1,
            size=16,
            device=device,
            seed=seed,
        )
    )


def train(method, steps, log=None):
    log = EpochLog() if log is None else log
    method.network.train()
    for _ in range(steps):
        epoch, within = divmod(method.step_number, method.steps_per_epoch)
        if within == 0:
            method.begin_epoch(epoch, log)
        method.step(log)
        method.step_number += 1
    return log


def same(first, second):
    if isinstance(first, torch.Tensor | np.ndarray):
        return np.array_equal(np.asarray(first), np.asarray(second), equal_nan=True)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def test_one_step_logs_what_the_method_promises():
    log = train(method_of(), 14)  # into the second epoch
    means = log.means()
    for name in ("loss", "violating", "negative_similarity", "signature_recall", "bank_age", "bank_age_max"):
        assert name in means
    assert -1 <= means["bank_correlation"] <= 1
    assert 0 <= means["violating"] <= 1
    assert means["batch_images"] == 12
    assert means["bank_age_max"] >= means["bank_age"]
    assert means["loss"] == pytest.approx(means["triplet_loss"] + means["classification_loss"], abs=1e-6)


def test_signature_recall_embeds_no_more_classes_than_it_is_measured_among(monkeypatch):
    seen, recalls = [], []
    for most in (500, 6):
        monkeypatch.setattr("hardmine.methods.schem.method.RECALL_CLASSES", most)
        method = method_of()
        embed = method.embed_training
        monkeypatch.setattr(method, "embed_training", lambda rows, embed=embed: seen.append(rows) or embed(rows))
        log = EpochLog()
        method._report_signatures(np.random.default_rng(0), log)
        recalls.append(log.means()["signature_recall"])
    classes = [len(np.unique(method.setup.labels[rows])) for rows in seen]
    assert classes == [method.setup.classes, 6]
    assert recalls[1] == 1.0  # all five others are near


def test_the_bank_correlation_is_one_when_the_bank_is_fresh():
    method = method_of()
    for _ in range(20):  # batch norm learns the images' scale; before, embeddings differ by little more than rounding
        method.network.train()(method.images.plain(np.arange(144)))
    log = EpochLog()
    method.begin_epoch(0, log)
    method.begin_epoch(1, log)
    assert log.means()["bank_correlation"] == pytest.approx(1.0, abs=1e-5)


def test_the_triplet_loss_leaves_the_signatures_alone_and_classification_moves_absent_classes_too():
    method = method_of(classification_weight=0, class_stage="random")
    train(method, 1)
    assert method.signatures.weight.grad is None
    method = method_of()
    method.begin_epoch(0, EpochLog())
    method.step(EpochLog())
    present = set(method.setup.labels[method.sampler.last.rows])
    absent = [label for label in range(12) if label not in present]
    assert absent
    assert (method.signatures.weight.grad[absent].norm(dim=1) > 0).all()


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_mining_changes_nothing_in_the_network(mode):
    method = method_of(mining_mode=mode, max_age=0)
    method.begin_epoch(0, EpochLog())
    before = {name: value.clone() for name, value in method.network.state_dict().items()}
    signatures = method.signatures.weight.detach().clone()
    for _ in range(3):
        method.sampler.next_batch()
    assert same(before, dict(method.network.state_dict()))
    assert torch.equal(signatures, method.signatures.weight)
    assert method.network.training
    assert all(parameter.grad is None for parameter in method.network.parameters())


def test_the_batch_is_written_back_to_the_bank_with_its_step():
    method = method_of()
    train(method, 5)
    rows = method.sampler.last.rows
    assert (method.bank.written[rows] == 4).all()
    torch.testing.assert_close(method.bank.vectors.norm(dim=1), torch.ones(144))


def test_signatures_keep_length_one_only_where_the_settings_say_so():
    for keep in (True, False):
        method = method_of(signature_renormalise=keep, signature_rate=20)
        train(method, 4)
        lengths = method.signatures.weight.norm(dim=1)
        assert bool(((lengths - 1).abs() < 1e-6).all()) is keep


def test_weight_decay_never_reaches_the_signatures():
    method = method_of(training={"weight_decay": 0.1})
    groups = method.optimisers[0].param_groups
    decays = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    assert [decays[id(parameter)] for parameter in method.signatures.parameters()] == [0.0]
    for parameter in method.network.parameters():
        assert decays[id(parameter)] == (0.1 if parameter.ndim > 1 else 0.0)


def test_signatures_can_start_at_the_class_means():
    method = method_of(signature_start="class-mean")
    method.begin_epoch(0, EpochLog())
    means = torch.stack([method.bank.vectors[method.setup.labels == label].mean(dim=0) for label in range(12)])
    torch.testing.assert_close(method.signatures.weight.detach(), torch.nn.functional.normalize(means, dim=1))


def test_the_bank_is_refreshed_after_the_asked_epochs():
    method = method_of(refresh_epochs=1, max_age="unlimited")
    train(method, 12)
    method.begin_epoch(1, EpochLog())
    assert (method.bank.written == 12).all()


def test_negatives_seen_as_scored_are_not_augmented():
    method = method_of(negative_view="same")
    rows = method.sampler.next_batch()
    negatives = rows[4:]
    assert torch.equal(method._views(rows)[4:], method.images.plain(negatives))
    assert not torch.equal(method.images.augmented(negatives), method.images.plain(negatives))


def test_the_budget_counts_full_batches():
    method = method_of(images=600)
    assert (method.images_per_step, method.steps_per_epoch, method.total_steps) == (12, 12, 50)


def test_pairs_of_hard_classes_are_kept_at_the_start_after_an_epoch_and_at_the_end():
    method = method_of()
    train(method, method.total_steps)
    for moment in ("start", "first", "last"):
        rows = method.diagnostics.arrays[f"hard_pairs_{moment}"].numpy()
        assert rows.shape == (6, 2)
        assert len(np.unique(method.setup.labels[rows])) == 12
        assert len(method.diagnostics.arrays[f"hard_pairs_{moment}_similarity"]) == 6


MODES = [
    {},
    {"mining_lag": 1, "anchor_choice": "class"},
    {"mining_mode": "train", "max_age": 3},
    {"bank_precision": "float16", "signature_start": "class-mean"},
    {"class_stage": "random", "instance_stage": "random", "classification_weight": 0},
    {"instance_stage": "random"},
    {"class_stage": "all", "refresh_epochs": 1},
    {"stochastic": False, "draw": "with-replacement", "triplet_scope": "batch", "distance": "euclidean"},
]


@pytest.mark.parametrize("modes", MODES, ids=str)
def test_a_resumed_run_goes_on_bit_for_bit(tmp_path, modes):
    whole_log = EpochLog()
    whole = method_of(seed=3, **modes)
    train(whole, 20, whole_log)
    first, log = method_of(seed=3, **modes), EpochLog()
    train(first, 10, log)
    kept = {"method": first.state_dict(), "log": log.state_dict()}
    torch.save({"torch": torch.get_rng_state(), "state": _plain(kept)}, tmp_path / "checkpoint.pt")
    train(first, 2, log)
    second, log = method_of(seed=3, **modes), EpochLog()
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    torch.set_rng_state(content["torch"])
    second.load_state_dict(content["state"]["method"])
    log.load_state_dict(content["state"]["log"])
    train(second, 10, log)
    assert same(_plain(whole.state_dict()), _plain(second.state_dict()))
    assert log.means() == whole_log.means()


def test_a_checkpoint_of_another_class_order_is_refused():
    state = method_of().state_dict()
    with pytest.raises(UserError, match="another order of classes"):
        method_of(labels=np.repeat(np.arange(12)[::-1].copy(), 12)).load_state_dict(state)


@pytest.mark.parametrize(
    "labels",
    [np.array([0, 0, 1, 2, 3, 4]), np.array([0, 0, 1, 1]), np.repeat(np.arange(5), [1, 2, 3, 40, 1])],
    ids=["one pair", "two classes", "uneven"],
)
@pytest.mark.parametrize("modes", [{}, {"anchor_shortfall": "repeat", "triplet_scope": "batch"}], ids=str)
def test_small_training_sets_train_with_finite_values(labels, modes):
    method = method_of(labels=labels, images=100, groups=5, group_size=10, **modes)
    log = train(method, 3)
    assert all(np.isfinite(value) for value in log.means().values())
    assert all(torch.isfinite(parameter).all() for parameter in method.network.parameters())


@pytest.mark.parametrize("labels", [np.zeros(6, dtype=np.int64), np.arange(6)], ids=["one class", "no pair"])
def test_training_sets_without_a_triplet_are_refused(labels):
    with pytest.raises(UserError, match="at least 2 classes are needed"):
        method_of(labels=labels)


def test_pools_larger_than_the_data_are_cut_and_said_once(capsys):
    train(method_of(class_pool=(50,), instance_pool=99), 3)
    said = capsys.readouterr().out
    assert said.count("schem: pools of 100 classes are cut to the 11 there are.") == 1
    assert said.count("training.batch is not used") == 1


def test_mining_lifts_the_share_of_violating_triplets_above_the_random_control():
    shares = {}
    for name, modes in {"random": {"class_stage": "random", "instance_stage": "random"}, "full": {}}.items():
        log = train(method_of(images=12 * 60, signature_rate=10, **modes), 60)
        shares[name] = log.means()["violating"]
    assert shares["full"] > shares["random"]
