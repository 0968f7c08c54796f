from pathlib import Path

import numpy as np
import pytest
import torch

from hardmine.datasets import Items, write_items
from hardmine.errors import UserError
from hardmine.images import ImageStore, open_store, write_images
from hardmine.images.batches import TrainingImages, normalise
from hardmine.settings.training import Augmentation


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6, 6, 1), dtype=np.uint8)
    write_images(tmp_path / "images.npy", pixels)
    splits = ["train"] * 4 + ["test"] * 4
    roles = ["train"] * 4 + ["both"] * 4
    write_items(tmp_path / "items.csv", Items([str(i) for i in range(8)], list("bbaaccdd"), splits, roles))
    return tmp_path


def test_a_store_gives_out_its_splits_only(packed: Path) -> None:
    store, _ = open_store(packed, "train")
    assert store.rows.tolist() == [0, 1, 2, 3]
    assert store.labels.tolist() == [1, 1, 0, 0]
    with pytest.raises(IndexError):
        store.read(np.array([4]))


def test_a_truncated_packed_file_is_named_with_the_remedy(packed: Path) -> None:
    path = packed / "images.npy"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"images\.npy: cannot be read as a packed array.*made\.json"):
        open_store(packed, "train")


def test_a_pickle_in_place_of_the_array_is_refused(packed: Path) -> None:
    np.save(packed / "images.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"images\.npy: cannot be read as a packed array"):
        open_store(packed, "train")


def test_an_array_that_does_not_fit_its_list_is_refused(packed: Path) -> None:
    write_images(packed / "images.npy", np.zeros((7, 6, 6, 1), dtype=np.uint8))
    with pytest.raises(UserError, match=r"items\.csv lists 8 images"):
        open_store(packed, "train")


def test_an_empty_split_is_refused(packed: Path) -> None:
    with pytest.raises(UserError, match="no image is in the split warm"):
        open_store(packed, "warm")


def images_of(pixels: np.ndarray, **changes: object) -> TrainingImages:
    store = ImageStore(pixels, np.arange(len(pixels)), np.zeros(len(pixels), dtype=np.int64))
    return TrainingImages(store, Augmentation(**changes), torch.device("cpu"), 0)


def test_plain_images_are_the_pixels_about_zero() -> None:
    pixels = np.array([0, 255], dtype=np.uint8).reshape(2, 1, 1, 1)
    assert images_of(pixels).plain(np.arange(2)).flatten().tolist() == [-127.5 / 64, 127.5 / 64]


def test_every_augmented_image_is_a_shift_within_reach() -> None:
    pixels = np.arange(49, dtype=np.uint8).reshape(1, 7, 7, 1)
    images = images_of(np.repeat(pixels, 64, axis=0), shift=2)
    padded = np.pad(pixels[0, :, :, 0], 2, mode="edge")
    shifts = {tuple(padded[y : y + 7, x : x + 7].flatten()) for y in range(5) for x in range(5)}
    found = {tuple((image * 64 + 127.5).round().int().flatten().tolist()) for image in images.augmented(np.arange(64))}
    assert found <= shifts
    assert len(found) > 15


def test_mirroring_turns_about_half_of_the_images() -> None:
    pixels = np.repeat(np.arange(4, dtype=np.uint8).reshape(1, 1, 4, 1), 400, axis=0)
    batch = images_of(pixels, shift=0, mirror=True).augmented(np.arange(400))
    turned = (batch[:, 0, 0, 0] > batch[:, 0, 0, 3]).float().mean()
    assert 0.4 < turned < 0.6


def test_random_changes_go_on_from_a_saved_state() -> None:
    images = images_of(np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3), dtype=np.uint8), shift=3, mirror=True)
    images.augmented(np.arange(5))
    state = images.state_dict()
    first = images.augmented(np.arange(5))
    images.load_state_dict(state)
    assert torch.equal(first, images.augmented(np.arange(5)))
    assert normalise(torch.zeros(2, 4, 4, 3, dtype=torch.uint8)).is_contiguous(memory_format=torch.channels_last)


def test_crops_lie_anywhere_in_training_and_in_the_middle_in_testing() -> None:
    pixels = np.arange(100, dtype=np.uint8).reshape(1, 10, 10, 1)
    images = images_of(pixels, crop=4, shift=0)
    assert torch.equal(images.plain(np.array([0])), normalise(torch.from_numpy(pixels[:, 3:7, 3:7].copy())))
    corners = {images.augmented(np.array([0]))[0, 0, 0, 0].item() for _ in range(600)}
    allowed = normalise(torch.from_numpy(pixels[:, :7, :7].copy())).flatten().tolist()
    assert corners == set(allowed)


def test_a_crop_is_a_connected_square_of_the_image() -> None:
    pixels = np.arange(100, dtype=np.uint8).reshape(1, 10, 10, 1)
    crop = images_of(pixels, crop=4, shift=0).augmented(np.array([0]))[0, 0]
    corner = round(crop[0, 0].item() * 64 + 127.5)
    expected = pixels[0, corner // 10 : corner // 10 + 4, corner % 10 : corner % 10 + 4]
    assert torch.equal(crop[None, None], normalise(torch.from_numpy(expected[None].copy())))
