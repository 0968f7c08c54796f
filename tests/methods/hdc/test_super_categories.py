"""Batches from a few super-categories: what is drawn together, with which chances, in turn, and when resumed."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tiny import build

from hardmine.datasets import Items, write_items
from hardmine.errors import UserError
from hardmine.images.batches import TrainingImages
from hardmine.images.store import open_store, write_images
from hardmine.methods.hdc.method import HDCMethod
from hardmine.methods.hdc.settings import SuperCategories
from hardmine.methods.hdc.super_categories import SuperCategoryBatches, super_categories_of

CLASSES = 24  # eight in each of three super-categories, of 2, 3, 4, … images
LABELS = np.repeat(np.arange(CLASSES), 2 + np.arange(CLASSES) % 5)
KINDS = LABELS // 8


def batches_of(length=0, seed=1, batch_size=10, labels=LABELS, kinds=KINDS, **keys):
    settings = SuperCategories(folders=1, **{"together": 2, "classes": 3, **keys})
    return SuperCategoryBatches(labels, kinds, batch_size, settings, length, seed)


def take(batches, number):
    return [batches.next_batch().tolist() for _ in range(number)]


def test_the_long_row_is_made_of_all_images_of_a_few_classes_from_two_super_categories_at_a_time():
    row = np.concatenate(take(batches_of(), 200))
    classes, start = [], 0
    while start + 6 < len(row):
        classes.append(LABELS[row[start]])
        members = np.flatnonzero(classes[-1] == LABELS)
        assert set(row[start : start + len(members)]) == set(members)
        start += len(members)
    for group in np.array(classes[: len(classes) // 6 * 6]).reshape(-1, 6):
        assert len(set(group)) == 6
        assert [len(set(half // 8)) for half in (group[:3], group[3:])] == [1, 1]
        assert group[0] // 8 != group[3] // 8


def test_a_batch_has_its_size_wherever_it_is_cut():
    assert {len(batch) for batch in take(batches_of(), 50)} == {10}
    assert {len(batch) for batch in take(batches_of(length=7), 50)} == {10}


@pytest.mark.parametrize(("chances", "share"), [("images", 0.9), ("equal", 0.5)])
def test_chances_go_by_images_or_are_equal(chances, share):
    labels = np.array([0] * 45 + [1] * 45 + [2] * 5 + [3] * 5)
    batches = batches_of(labels=labels, kinds=labels // 2, together=1, classes=2, chances=chances, batch_size=1)
    first = []
    for _ in range(2000):
        group = batches._group()
        first.append(labels[group[0]] < 2)
    assert np.mean(first) == pytest.approx(share, abs=0.03)


def test_where_there_are_no_more_all_are_taken():
    labels = np.repeat(np.arange(4), 3)
    batches = batches_of(labels=labels, kinds=labels // 2, together=9, classes=9, batch_size=12)
    assert sorted(batches.next_batch().tolist()) == list(range(12))


def test_a_list_drawn_once_is_gone_through_in_turn_without_a_gap():
    batches = batches_of(length=5)
    count = len(batches._list)
    row = np.concatenate(take(batches, count))
    np.testing.assert_array_equal(row.reshape(10, count), np.tile(batches._list, (10, 1)))


@pytest.mark.parametrize("length", [0, 6])
def test_resumed_in_the_middle_of_a_group_it_goes_on_as_before(length):
    straight = batches_of(length)
    take(straight, 7)
    resumed = batches_of(length)
    resumed.load_state_dict(straight.state_dict())
    assert take(resumed, 20) == take(straight, 20)


def test_the_seed_decides_the_draws_and_another_list_is_refused():
    assert take(batches_of(seed=1), 9) == take(batches_of(seed=1), 9) != take(batches_of(seed=2), 9)
    with pytest.raises(UserError, match="another list"):
        batches_of(5, seed=1).load_state_dict(batches_of(5, seed=2).state_dict())


def test_super_categories_are_the_first_folders_of_paths():
    inshop = ["img/WOMEN/Dresses/id_1/a.jpg", "img/MEN/Pants/id_2/a.jpg", "img/WOMEN/Dresses/id_3/a.jpg"]
    assert super_categories_of(inshop, 3).tolist() == [1, 0, 1]
    assert super_categories_of(["sofa_final/1.JPG", "chair_final/2.JPG"], 1).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("paths", "folders", "message"),
    [
        (["a/b.jpg", "c.jpg"], 1, r"c\.jpg lies in 0 folders, 1 are to name its super-category"),
        (["a/b.jpg", "a/c.jpg"], 1, "the first 1 folders are a for all training images"),
    ],
)
def test_paths_that_name_no_super_categories_are_refused(paths, folders, message):
    with pytest.raises(UserError, match=message):
        super_categories_of(paths, folders)


def test_the_method_takes_super_categories_from_the_list_of_its_training_images(tmp_path: Path):
    paths = [f"{'soft' if row % 64 < 32 else 'hard'}/{row}.png" for row in range(128)]
    classes = [f"{'test' if row < 64 else 'train'}{row // 8:02d}" for row in range(128)]
    roles = ["both"] * 64 + ["train"] * 64
    write_items(tmp_path / "items.csv", Items(paths, classes, ["test"] * 64 + ["train"] * 64, roles))
    write_images(tmp_path / "images.npy", np.zeros((128, 16, 16, 1), dtype=np.uint8))
    store, _ = open_store(tmp_path, "train")
    assert store.paths() == paths[64:]
    keys = {"folders": 1, "together": 1, "classes": 2}
    plain = build({"method": "hdc", "head_channels": 2, "head_features": 4})
    run = plain.setup.run.model_copy(update={"super_categories": SuperCategories(**keys)})
    images = TrainingImages(store, plain.setup.training.augmentation, plain.setup.device, 0)
    method = HDCMethod(dataclasses.replace(plain.setup, run=run, images=images))
    assert method.images_per_step == plain.images_per_step == 16
    for _ in range(20):
        assert len({row // 32 for row in method.sampler.next_batch().tolist()}) == 1
