import hashlib
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hardmine.datasets.items import Items
from hardmine.datasets.listing import Listing
from hardmine.errors import UserError
from hardmine.images import pack as module
from hardmine.images.decode import decode
from hardmine.images.pack import pack
from hardmine.settings.datasets import Cub200

KEY, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def pictures(tmp_path: Path) -> Listing:
    folder = tmp_path / "pictures"
    folder.mkdir()
    names = [f"{number:03d}.png" for number in range(40)]
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 256, (20 + number % 3, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return Listing(Items(names, names, ["train"] * 40, ["train"] * 40), [(folder, name) for name in names])


def packed(listing: Listing, place: Path, key: str = KEY, threads: int = 2, **settings: object) -> np.ndarray:
    pack(listing, Cub200(**{"size": 16, **settings}), place / "images.npy", place / "scratch", key, threads)
    return np.load(place / "images.npy")


def test_rows_are_in_the_order_of_the_list_whatever_the_threads(pictures: Listing, tmp_path: Path) -> None:
    expected = [decode((folder / name).read_bytes(), 16, "warp") for folder, name in pictures.places]
    for threads in (1, 3):
        assert np.array_equal(packed(pictures, tmp_path / str(threads), threads=threads), np.stack(expected))


def test_an_interrupted_packing_goes_on_where_it_was(
    pictures: Listing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = packed(pictures, tmp_path / "whole")
    decoded: list[bytes] = []

    def failing(data: bytes, *arguments: object) -> np.ndarray:
        decoded.append(data)
        if len(decoded) == 25:
            raise KeyboardInterrupt
        return decode(data, *arguments)

    monkeypatch.setattr(module, "decode", failing)
    with pytest.raises(KeyboardInterrupt):
        packed(pictures, tmp_path, threads=1)
    assert not (tmp_path / "images.npy").exists()
    before = len(decoded)
    assert np.array_equal(packed(pictures, tmp_path, threads=1), whole)
    assert 16 <= len(decoded) - before < 40


def test_other_settings_never_go_on_from_what_was_packed(pictures: Listing, tmp_path: Path) -> None:
    packed(pictures, tmp_path)
    partial = module.Partial(tmp_path / "scratch", KEY, (40, 16, 16, 3))
    partial.write(0, np.zeros((16, 16, 3), dtype=np.uint8))
    partial.save()
    assert packed(pictures, tmp_path, key=OTHER)[0].any()
    assert not module.Partial(tmp_path / "scratch", OTHER, (40, 8, 8, 3)).done.any()


def test_unreadable_images_are_named_and_a_good_earlier_copy_stays(pictures: Listing, tmp_path: Path) -> None:
    packed(pictures, tmp_path)
    good = (tmp_path / "images.npy").read_bytes()
    folder = pictures.places[0][0]
    (folder / "003.png").write_bytes(b"no image")
    (folder / "007.png").write_bytes((folder / "007.png").read_bytes()[:90])
    with pytest.raises(UserError, match=r"2 of 40 images.*\n003\.png: .*\n007\.png: .*\n.*dataset\.unreadable"):
        packed(pictures, tmp_path)
    assert (tmp_path / "images.npy").read_bytes() == good


def test_a_picture_that_changed_after_it_was_listed_is_named_and_not_packed(pictures: Listing, tmp_path: Path) -> None:
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for folder, name in pictures.places]
    listed = replace(pictures, digests=digests)
    assert np.array_equal(packed(listed, tmp_path / "whole"), packed(pictures, tmp_path / "unlisted"))
    folder = pictures.places[0][0]
    content = (folder / "003.png").read_bytes()
    (folder / "003.png").write_bytes((folder / "004.png").read_bytes())
    with pytest.raises(UserError, match=r"^1 of 40 images were changed after they were listed:\n003\.png\nRun the"):
        packed(listed, tmp_path)
    assert not (tmp_path / "images.npy").exists()
    (folder / "003.png").write_bytes(content)
    assert np.array_equal(packed(listed, tmp_path), np.load(tmp_path / "whole/images.npy"))


def test_only_the_mended_images_are_decoded_again(
    pictures: Listing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pictures.places[0][0]
    content = (folder / "003.png").read_bytes()
    (folder / "003.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"003\.png"):
        packed(pictures, tmp_path)
    (folder / "003.png").write_bytes(content)
    seen: list[bytes] = []
    monkeypatch.setattr(module, "decode", lambda data, *rest: (seen.append(data), decode(data, *rest))[1])
    packed(pictures, tmp_path)
    assert seen == [content]


def test_a_full_disk_is_said(pictures: Listing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(UserError, match="No space left on device"):
        packed(pictures, tmp_path)


def test_grey_data_sets_are_packed_with_one_channel(pictures: Listing, tmp_path: Path) -> None:
    class Grey(Cub200):
        channels = 1

    pack(pictures, Grey(size=16), tmp_path / "images.npy", tmp_path / "scratch", KEY, 1)
    assert np.load(tmp_path / "images.npy").shape == (40, 16, 16, 1)


def test_listed_images_that_are_absent_are_named(pictures: Listing, tmp_path: Path) -> None:
    folder = pictures.places[0][0]
    (folder / "011.png").unlink()
    with pytest.raises(UserError, match=r"011\.png"):
        packed(pictures, tmp_path)


def test_jpegs_in_other_colour_spaces_do_not_stop_a_packing(pictures: Listing, tmp_path: Path) -> None:
    folder = pictures.places[0][0]
    buffer = io.BytesIO()
    Image.new("CMYK", (20, 20)).save(buffer, "JPEG")
    (folder / "000.png").write_bytes(buffer.getvalue())
    assert packed(pictures, tmp_path).shape == (40, 16, 16, 3)
