import os
from pathlib import Path

import pytest
from pictures import write_folder

from hardmine.errors import UserError
from hardmine.search.reading import files_in
from hardmine.settings.datasets.own_files import SUFFIXES, pictures_in, walk


def test_an_index_and_a_data_set_find_the_same_images(tmp_path: Path) -> None:
    names = [f"a/x{ending}" for ending in SUFFIXES] + ["b/y.JPG", "z.png"]
    others = [".z.png", ".d/z.png", "a/@eaDir/x.jpg/SYNOPHOTO_THUMB_M.jpg", "$RECYCLE.BIN/1.jpg", "a/x.heic", "jpg"]
    place = write_folder(tmp_path / "here", dict.fromkeys([*names, *others], b"x"))
    write_folder(tmp_path / "there", {"1.jpg": b"x", "deep/2.jpg": b"x"})
    (place / "link").symlink_to(tmp_path / "there")
    (place / "link2").symlink_to(tmp_path / "there" / "deep")
    (place / "one.jpg").symlink_to(tmp_path / "there" / "1.jpg")
    (place / "gone.jpg").symlink_to("nowhere")
    expected = sorted([*names, "link/1.jpg", "link/deep/2.jpg", "one.jpg", "gone.jpg"])
    assert pictures_in(place).names == files_in(place) == expected


def test_a_folder_reached_twice_is_read_under_its_own_name(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "here", {"m/1.jpg": b"x", ".all/n/2.jpg": b"x"})
    for name, target in (("a", "m"), ("n", ".all/n"), ("o", ".all/n"), ("m/loop", "."), ("m/up", "../..")):
        (place / name).symlink_to((place / name).parent / target)
    found = pictures_in(place)
    assert found.names == ["m/1.jpg", "n/2.jpg"]
    assert "3 read under another name (a/, m/loop/, o/)" in found.passed_over


def test_everything_is_met_once_where_everything_is_asked_for(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "here", {".all/n/2.jpg": b"x", "@eaDir/3.jpg": b"x", "t.txt": b""})
    (place / "n").symlink_to(".all/n")
    met = {found.name: found.why for found in walk(place, everything=True)}
    assert met == {".all/n/2.jpg": "", "@eaDir/3.jpg": "", "t.txt": "", "n/": "read under another name"}


def test_pipes_are_passed_over_and_never_opened(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "here", {"1.jpg": b"x"})
    os.mkfifo(place / "2.jpg")
    found = pictures_in(place)
    assert (found.names, found.passed_over) == (["1.jpg"], "1 no regular file (2.jpg)")


def test_a_folder_without_images_says_what_else_is_there(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "here", {f"a/{i}.heic": b"x" for i in range(3)})
    with pytest.raises(UserError, match=r"holds no image file; .* Passed over: 3 with other endings \(3 .heic\)"):
        files_in(place)
