"""SCHEM's batches: their shape, their pools, the controls, small and odd training sets, saving and loading."""

import copy

import numpy as np
import oracles_schem as oracle
import pytest
import torch
from torch.nn import functional

from hardmine.errors import UserError
from hardmine.methods.schem.bank import FeatureBank
from hardmine.methods.schem.batcher import SchemBatcher
from hardmine.methods.schem.settings import SCHEM
from hardmine.methods.schem.signatures import ClassSignatures
from hardmine.training.checkpoint import _plain

TOY = {"groups": 3, "group_size": 4, "instance_pool": 2, "class_pool": (2,)}
SQUARE = np.repeat(np.arange(12), 12)
PAPER = np.repeat(np.arange(60), 30)
ODD = {
    "one image a class but one": np.array([0, 0, 1, 2, 3, 4]),
    "two classes": np.array([0, 0, 1, 1]),
    "pairs": np.repeat(np.arange(3), 2),
    "very uneven": np.repeat(np.arange(5), [1, 2, 3, 40, 1]),
    "three classes of four": np.repeat(np.arange(3), 4),
}


class World:
    """A linear embedding of fixed inputs whose weights may drift, with signatures and a bank."""

    def __init__(self, labels, seed=0, drift=0.0, dimensions=16, max_age=None, **modes):
        generator = torch.Generator().manual_seed(100 + seed)
        self.inputs = torch.randn(len(labels), 32, generator=generator)
        self.weight = torch.randn(32, dimensions, generator=generator)
        self.change = drift * torch.randn(32, dimensions, generator=generator)
        self.signatures = ClassSignatures(int(labels.max()) + 1, dimensions, generator)
        self.bank = FeatureBank(len(labels), dimensions, max_age)
        self.embedded = 0
        self.batcher = SchemBatcher(
            labels, SCHEM(method="schem", **modes), seed, self.embed, self.signatures, self.bank
        )

    def table(self):
        return functional.normalize(self.inputs @ (self.weight + self.batcher.step * self.change), dim=1)

    def embed(self, rows):
        self.embedded += len(rows)
        return self.table()[torch.from_numpy(rows)]


def test_the_full_batch_has_50_images_200_in_the_pool_and_12_16_or_20_classes():
    world = World(PAPER)
    sizes = set()
    for _ in range(40):
        rows = world.batcher.next_batch()
        mined = world.batcher.last
        assert (len(rows), len(mined.anchors), len(mined.negatives), len(mined.pool)) == (50, 10, 40, 200)
        sizes.add(len(mined.classes))
    assert sizes == {12, 16, 20}
    assert world.batcher.steps_per_epoch == 1800 // 50


@pytest.mark.parametrize(("images", "steps"), [(5864, 117), (8054, 161), (59551, 1191), (25882, 517)])
def test_an_epoch_is_as_many_batches_as_the_images_fill(images, steps):
    labels = np.arange(images) // 2
    bank, signatures = FeatureBank(1, 1, None), ClassSignatures(1, 1, torch.Generator())
    assert SchemBatcher(labels, SCHEM(method="schem"), 0, lambda rows: rows, signatures, bank).steps_per_epoch == steps


def test_the_toy_batch_has_12_images_from_4_classes_48_candidates_and_a_pool_of_16():
    world = World(SQUARE, **TOY)
    rows = world.batcher.next_batch()
    mined = world.batcher.last
    assert (len(rows), len(mined.classes), len(mined.pool), len(mined.negatives)) == (12, 4, 16, 8)
    assert world.embedded == 4 + 48
    assert np.isin(SQUARE[mined.pool], mined.classes).all()


@pytest.mark.parametrize("seed", range(3))
def test_pools_agree_with_plain_loops_step_after_step(seed):
    world = World(SQUARE, seed, drift=0.05, max_age=0, **TOY)
    for _ in range(6):
        mined, table = world.batcher.mine(), world.table()
        own = SQUARE[mined.anchors[0]]
        classes = oracle.class_pool(table[mined.anchors], world.signatures.unit().detach(), own, 4)
        candidates = [row for row in range(len(SQUARE)) if SQUARE[row] in classes]
        assert mined.classes.tolist() == classes
        assert mined.pool.tolist() == oracle.instance_pool(table[mined.anchors], candidates, table, 16)
        assert set(mined.negatives) <= set(mined.pool)
        world.batcher.step += 1


def test_each_member_of_the_pool_is_drawn_equally_often():
    world = World(SQUARE, **TOY)
    pool = np.array([3, 8, 5, 1])
    world.batcher.settings = SCHEM(method="schem", groups=2, group_size=2)
    counts = np.bincount(np.concatenate([world.batcher._draw(pool) for _ in range(10_000)]), minlength=9)
    assert counts.sum() == 20_000
    assert np.abs(counts[pool] / 10_000 - 0.5).max() < 0.02


def test_drawing_with_replacement_may_repeat_an_image():
    for how, repeats in (("with-replacement", True), ("without-replacement", False)):
        world = World(SQUARE, draw=how, **TOY)
        seen = [len(set(world.batcher.mine().negatives)) < 8 for _ in range(20)]
        assert any(seen) is repeats


@pytest.mark.parametrize("labels", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("classes", ["search", "random", "all"])
@pytest.mark.parametrize("images", ["search", "random"])
@pytest.mark.parametrize("shortfall", ["shrink", "repeat"])
def test_odd_training_sets_give_batches_of_distinct_negatives_of_other_classes(labels, classes, images, shortfall):
    world = World(labels, class_stage=classes, instance_stage=images, anchor_shortfall=shortfall)
    for _ in range(5):
        rows = world.batcher.next_batch()
        mined = world.batcher.last
        own = labels[mined.anchors[0]]
        assert (labels[mined.anchors] == own).all()
        assert (labels == own).sum() >= 2
        size = min(10, (labels == own).sum())
        assert len(mined.anchors) == (10 if shortfall == "repeat" else size)
        assert len(set(mined.anchors)) == size
        assert own not in labels[mined.negatives]
        assert len(set(mined.negatives)) == len(mined.negatives) == min(40, (labels != own).sum())
        assert (rows == mined.rows).all()


def test_three_classes_of_four_images_give_both_other_classes_as_the_pool():
    labels = ODD["three classes of four"]
    world = World(labels)
    mined = world.batcher.mine()
    others = np.flatnonzero(labels != labels[mined.anchors[0]])
    assert len(mined.classes) == 2
    assert sorted(mined.pool) == sorted(mined.negatives) == others.tolist()
    assert world.embedded == 4  # the anchors alone


@pytest.mark.parametrize("labels", [np.zeros(8, dtype=np.int64), np.arange(8)], ids=["one class", "no pair"])
def test_training_sets_without_a_triplet_are_refused(labels):
    with pytest.raises(UserError, match="at least 2 classes are needed"):
        World(labels)


def test_a_short_pool_is_filled_with_unused_images_of_other_classes():
    labels = np.repeat(np.arange(30), 2)
    world = World(labels, groups=5, group_size=10, class_pool=(1,))
    mined = world.batcher.mine()
    assert len(mined.classes) == 4
    assert len(mined.pool) == 8
    assert set(mined.pool) < set(mined.negatives)
    assert len(set(mined.negatives)) == 40


def test_the_controls_differ_in_the_index_lists_only():
    shapes = {}
    for name, modes in {
        "random": {"class_stage": "random", "instance_stage": "random"},
        "class stage": {"instance_stage": "random"},
        "full": {},
        "no class gate": {"class_stage": "all"},
        "not stochastic": {"stochastic": False},
    }.items():
        world = World(PAPER, **modes)
        rows = world.batcher.next_batch()
        mined = world.batcher.last
        shapes[name] = (len(rows), len(mined.classes), len(mined.pool), world.embedded)
    assert {shape[0] for shape in shapes.values()} == {50}
    assert shapes["random"][3] == 0  # random batches need no embedding
    assert shapes["class stage"][3] == 10  # the anchors
    assert shapes["full"][2] == 200
    assert shapes["no class gate"][1:] == (0, 200, 10 + 1770)
    assert shapes["not stochastic"][1:] == (4, 40, 10 + 120)


def test_random_classes_give_a_group_each_and_every_class_its_turn():
    world = World(PAPER, class_stage="random", instance_stage="random")
    seen = set()
    for _ in range(60):
        mined = world.batcher.mine()
        present, counts = np.unique(PAPER[mined.negatives], return_counts=True)
        assert counts.tolist() == [10] * 4
        seen |= set(present)
    assert len(seen) == 60


def test_random_images_without_a_class_gate_come_from_many_classes():
    world = World(PAPER, class_stage="all", instance_stage="random")
    classes = [len(set(PAPER[world.batcher.mine().negatives])) for _ in range(20)]
    assert min(classes) > 20
    assert world.embedded == 0


def test_class_stage_alone_takes_groups_from_the_pool_of_hard_classes():
    world = World(PAPER, instance_stage="random")
    mined = world.batcher.mine()
    present, counts = np.unique(PAPER[mined.negatives], return_counts=True)
    assert counts.tolist() == [10] * 4
    assert np.isin(present, mined.classes).all()


def test_warm_up_steps_are_random_and_then_the_search_begins():
    for stage in ("search", "all"):
        world = World(SQUARE, warmup_steps=3, class_stage=stage, **TOY)
        for step in range(4):
            world.batcher.next_batch()
            assert (world.embedded > 0) is (step == 3)


def test_anchor_classes_in_turn_come_once_before_any_comes_again():
    world = World(SQUARE, anchor_choice="class", **TOY)
    for _ in range(2):
        owners = [SQUARE[world.batcher.mine().anchors[0]] for _ in range(12)]
        assert sorted(owners) == list(range(12))


def test_anchor_classes_by_image_come_as_often_as_they_have_images():
    labels = np.repeat(np.arange(3), [2, 6, 12])
    world = World(labels, class_stage="random", instance_stage="random", groups=2, group_size=2)
    owners = np.bincount([labels[world.batcher.mine().anchors[0]] for _ in range(4000)], minlength=3) / 4000
    assert owners == pytest.approx([0.1, 0.3, 0.6], abs=0.03)


def test_ages_of_the_pool_never_pass_the_limit():
    world = World(SQUARE, max_age=3, drift=0.01, **TOY)
    oldest = 0
    for _ in range(30):
        world.batcher.next_batch()
        ages = world.batcher.last.ages
        assert len(ages) == 16
        oldest = max(oldest, ages.max())
        assert ages.min() >= 0
    assert oldest == 3


def test_a_batch_mined_ahead_uses_the_weights_of_the_step_before():
    now, ahead = World(SQUARE, drift=0.2, max_age=0, **TOY), World(SQUARE, drift=0.2, max_age=0, mining_lag=1, **TOY)
    first, second = now.batcher.mine(), now.batcher.mine()
    assert ahead.batcher.next_batch().tolist() == first.rows.tolist()
    assert ahead.batcher.next_batch().tolist() == second.rows.tolist()


@pytest.mark.parametrize("modes", [{}, {"mining_lag": 1}, {"anchor_choice": "class"}, {"max_age": 2}], ids=str)
def test_batches_go_on_the_same_after_saving_and_loading(tmp_path, modes):
    modes = {**TOY, **modes}
    age = modes.pop("max_age", None)

    def run(world, steps):
        return [world.batcher.next_batch().tolist() for _ in range(steps)]

    whole = run(World(SQUARE, 5, drift=0.05, max_age=age, **modes), 20)
    assert run(World(SQUARE, 5, drift=0.05, max_age=age, **modes), 20) == whole
    assert run(World(SQUARE, 6, drift=0.05, max_age=age, **modes), 20) != whole
    first = World(SQUARE, 5, drift=0.05, max_age=age, **modes)
    batches = run(first, 10)
    torch.save(_plain({"batcher": first.batcher.state_dict(), "bank": first.bank.state_dict()}), tmp_path / "state.pt")
    run(first, 3)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    second = World(SQUARE, 5, drift=0.05, max_age=age, **modes)
    second.batcher.load_state_dict(state["batcher"])
    second.bank.load_state_dict(state["bank"])
    assert batches + run(second, 10) == whole


def test_a_state_of_another_class_order_is_refused():
    state = copy.deepcopy(World(SQUARE, **TOY).batcher.state_dict())
    with pytest.raises(UserError, match="another order of classes"):
        World(11 - SQUARE, **TOY).batcher.load_state_dict(state)
    with pytest.raises(UserError, match="another order of classes"):
        World(SQUARE[:-12], **TOY).batcher.load_state_dict(state)
