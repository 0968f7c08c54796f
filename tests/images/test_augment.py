"""Random changes of images: against plain formulas, each image on its own, only what is asked for."""

import colorsys

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from hardmine.images import ImageStore
from hardmine.images.augment import recoloured, resized_crops, with_holes
from hardmine.images.batches import TrainingImages
from hardmine.settings.training import Augmentation


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images_of(pixels: np.ndarray, seed: int = 0, **changes: object) -> TrainingImages:
    store = ImageStore(pixels, np.arange(len(pixels)), np.zeros(len(pixels), dtype=np.int64))
    return TrainingImages(store, Augmentation(**{"shift": 0, **changes}), torch.device("cpu"), seed)


def photographs(count: int = 8, edge: int = 32, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, edge, edge, channels), dtype=np.uint8)


CHANGES = {
    "crop": {"crop": 24, "crop_scale": [0.2, 1.0], "mirror": True},
    "colour": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1, "grey": 0.2},
    "erasing": {"erasing": 0.5},
    "all": {"crop": 24, "crop_scale": [0.2, 1.0], "brightness": 0.4, "hue": 0.1, "grey": 0.5, "erasing": 0.5},
}


@pytest.mark.parametrize("name", CHANGES)
def test_two_copies_of_an_image_in_a_batch_are_changed_differently(name: str) -> None:
    same = np.repeat(photographs(1), 16, axis=0)
    batch = images_of(same, **CHANGES[name]).augmented(np.arange(16))
    distinct = {image.numpy().tobytes() for image in batch}
    assert len(distinct) >= (8 if name == "erasing" else 15)


@pytest.mark.parametrize("name", CHANGES)
def test_equal_seeds_give_equal_bytes_and_a_resumed_batch_too(name: str) -> None:
    pixels = photographs()
    first, second, third = (images_of(pixels, seed=3, **CHANGES[name]) for _ in range(3))
    one = first.augmented(np.arange(8))
    assert torch.equal(one, second.augmented(np.arange(8)))
    assert not torch.equal(one, images_of(pixels, seed=4, **CHANGES[name]).augmented(np.arange(8)))
    third.load_state_dict(first.state_dict())
    assert torch.equal(first.augmented(np.arange(8)), third.augmented(np.arange(8)))


def test_what_is_off_draws_nothing_so_that_earlier_trainings_stay_as_they_were() -> None:
    pixels = photographs()
    plain, changed = images_of(pixels, mirror=True), images_of(pixels, mirror=True, erasing=0.5)
    plain.augmented(np.arange(8))
    expected = torch.rand(1, generator=plain._generator)
    again = images_of(pixels, mirror=True)
    again.augmented(np.arange(8))
    assert torch.equal(expected, torch.rand(1, generator=again._generator))
    first = images_of(pixels, mirror=True).augmented(np.arange(8))
    second = changed.augmented(np.arange(8))
    untouched = second != 0.0
    assert torch.equal(first[untouched], second[untouched])


def test_a_cut_of_the_whole_image_is_the_image() -> None:
    pixels = torch.from_numpy(photographs(4, edge=24))
    settings = Augmentation(shift=0, crop=24, crop_scale=(1.0, 1.0), crop_ratio=(1.0, 1.0))
    cut = resized_crops(pixels, 24, settings, generator())
    torch.testing.assert_close(cut, pixels.permute(0, 3, 1, 2).float(), atol=2e-3, rtol=0)


def test_cuts_lie_inside_and_have_the_areas_and_proportions_asked_for() -> None:
    down, across = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    ramp = torch.stack([across, down], dim=2).to(torch.uint8).expand(500, -1, -1, -1)
    settings = Augmentation(shift=0, crop=32, crop_scale=(0.2, 0.6), crop_ratio=(0.5, 2.0))
    cut = resized_crops(ramp, 32, settings, generator())
    wide = (cut[:, 0, 16, -1] - cut[:, 0, 16, 0]) * 32 / 31
    tall = (cut[:, 1, -1, 16] - cut[:, 1, 0, 16]) * 32 / 31
    area = wide * tall / 64**2
    assert 0.17 < float(area.min()) < 0.25
    assert 0.5 < float(area.max()) <= 0.62
    assert 0.48 < float((wide / tall).min()) < 0.65
    assert 1.6 < float((wide / tall).max()) < 2.1
    assert float(cut.min()) >= 0
    assert float(cut.max()) <= 63


def test_mirrored_cuts_run_the_other_way_in_about_half_of_the_images() -> None:
    ramp = torch.arange(32, dtype=torch.uint8)[None, None, :, None].expand(400, 32, -1, 1)
    settings = Augmentation(shift=0, crop=16, crop_scale=(0.5, 1.0), mirror=True)
    cut = resized_crops(ramp, 16, settings, generator())
    assert 0.4 < float((cut[:, 0, 8, 0] > cut[:, 0, 8, -1]).float().mean()) < 0.6


def test_brightness_and_contrast_are_factors_on_the_levels_and_about_the_mean_luma() -> None:
    images = torch.full((200, 3, 4, 4), 100.0)
    bright = recoloured(images, Augmentation(brightness=0.4), generator())
    factors = bright[:, 0, 0, 0] / 100
    assert 0.6 <= float(factors.min()) < 0.65
    assert 1.35 < float(factors.max()) <= 1.4
    torch.testing.assert_close(recoloured(images, Augmentation(contrast=0.9), generator()), images)
    images[:, :, :2] = 60.0
    flat = recoloured(images, Augmentation(contrast=0.5), generator())
    k = (flat[:, 0, 3, 0] - flat[:, 0, 0, 0]) / 40
    torch.testing.assert_close(flat[:, 0, 0, 0], k * 60 + (1 - k) * 80, atol=1e-3, rtol=0)


def test_hue_turns_colours_about_grey_and_keeps_their_luma() -> None:
    images = torch.tensor([200.0, 100.0, 120.0])[None, :, None, None].expand(300, -1, 2, 2)
    turned = recoloured(images, Augmentation(hue=0.1), generator())[:, :, 0, 0]
    luma = turned @ torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(luma, torch.full((300,), 132.18), atol=0.5, rtol=0)
    hues = [colorsys.rgb_to_hsv(*(colour / 255).tolist())[0] for colour in turned]
    start = colorsys.rgb_to_hsv(200 / 255, 100 / 255, 120 / 255)[0]
    moved = [(hue - start + 0.5) % 1 - 0.5 for hue in hues]
    assert -0.16 < min(moved) < -0.06
    assert 0.06 < max(moved) < 0.16


def test_grey_images_have_equal_channels_and_their_luma() -> None:
    images = torch.rand(400, 3, 2, 2, generator=generator()) * 255
    changed = recoloured(images, Augmentation(grey=0.3), generator())
    grey = (changed.amax(dim=1) - changed.amin(dim=1)).amax(dim=(1, 2)) < 0.1
    assert 0.2 < float(grey.float().mean()) < 0.4
    luma = torch.einsum("nchw,c->nhw", images, torch.tensor([0.299, 0.587, 0.114]))
    torch.testing.assert_close(changed[grey][:, 0], luma[grey], atol=0.5, rtol=0)
    torch.testing.assert_close(changed[~grey], images[~grey], atol=0.5, rtol=0)


def test_holes_are_boxes_of_middle_grey_in_the_share_asked_for() -> None:
    holed = with_holes(torch.zeros(400, 3, 32, 32), 0.5, generator())
    share = (holed[:, 0] == 127.5).float().mean(dim=(1, 2))
    assert 0.4 < float((share > 0).float().mean()) < 0.6
    assert float(share.max()) < 0.36
    for image in holed[share > 0][:20]:
        inside = image[0] == 127.5
        rows, columns = inside.any(dim=1), inside.any(dim=0)
        assert torch.equal(inside, rows[:, None] & columns[None, :])


def test_grey_images_are_changed_too() -> None:
    batch = images_of(photographs(channels=1), brightness=0.4, contrast=0.4, erasing=0.5).augmented(np.arange(8))
    assert batch.shape == (8, 1, 32, 32)
    assert batch.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"crop": 24, "shift": 0, "crop_scale": [1.0, 0.2]}, "crop_scale: [1.0, 0.2] falls; write the least first"),
        ({"crop": 24, "shift": 0, "crop_scale": [0.2, 1], "crop_ratio": [2, 1]}, "crop_ratio: [2.0, 1.0] falls"),
        ({"shift": 0, "crop_scale": [0.2, 1]}, "crop_scale needs crop"),
        ({"crop": 24, "crop_scale": [0.2, 1]}, "and shift: 0"),
        ({"crop_ratio": [1, 2]}, "has no effect without it"),
        ({"crop_scale": [0, 1]}, "greater than 0"),
        ({"hue": 0.6}, "less than or equal to 0.5"),
    ],
)
def test_changes_that_make_no_sense_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Augmentation(**changes)
    assert words in str(caught.value)
