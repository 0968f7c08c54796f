import hashlib
from pathlib import Path

import numpy as np
import pytest

from hardmine.datasets import Items, glyphs, read_items, write_items
from hardmine.errors import UserError
from hardmine.settings.datasets import Glyphs

# Under requirements.lock; font rendering differs between versions of pillow and matplotlib.
RAW = "1c8c38b224bbc070dd306c6e8b3609e2d177349edec9afb9c080d96eb593960d"
PACKED = "29e70d7b94bc9a734a021a3c9c34103e1f369ab542dbc513e0a53d8ee9942c73"

SMALL = Glyphs(size=16, train_letters=12, validation_letters=4, test_letters=10, warm_letters=3, images_per_letter=5)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    glyphs.download(folder, SMALL)
    return folder


def test_the_rendered_archive_is_the_one_the_lock_pins(raw: Path) -> None:
    with np.load(raw / "faces.npz") as archive:
        assert archive["bitmaps"].shape == (len(archive["code_points"]), 12, 64, 64)
        content = archive["code_points"].tobytes() + archive["bitmaps"].tobytes()
    assert hashlib.sha256(content).hexdigest() == RAW


def test_images_are_a_function_of_the_settings(raw: Path) -> None:
    first, items = glyphs.preprocess(raw, SMALL)
    second, _ = glyphs.preprocess(raw, SMALL)
    assert first.dtype == np.uint8
    assert first.shape == (29 * 5, 16, 16, 1)
    assert (first == second).all()
    assert hashlib.sha256(first.tobytes()).hexdigest() == PACKED
    other, _ = glyphs.preprocess(raw, SMALL.model_copy(update={"seed": 1}))
    assert not (first == other).all()
    assert len(set(items.paths)) == len(items.paths)


def test_letters_of_different_splits_are_disjoint(raw: Path) -> None:
    _, items = glyphs.preprocess(raw, SMALL)
    letters = {
        split: {items.classes[row] for row in items.rows(split)} for split in ("train", "validation", "test", "warm")
    }
    assert [len(found) for found in letters.values()] == [12, 4, 10, 3]
    assert len(set.union(*letters.values())) == 29


def test_no_two_letters_look_the_same_in_any_face(raw: Path) -> None:
    with np.load(raw / "faces.npz") as archive:
        bitmaps = archive["bitmaps"]
    for face in range(12):
        assert len({bitmap.tobytes() for bitmap in bitmaps[:, face]}) == len(bitmaps)


def test_more_letters_than_exist_are_refused() -> None:
    with pytest.raises(UserError, match="50019 letters are asked for, 1200 exist"):
        glyphs.choose_letters(1200, SMALL.model_copy(update={"test_letters": 50000}))


def items_of(*classes: str, splits: list[str] | None = None) -> Items:
    count = len(classes)
    return Items([f"p{i}" for i in range(count)], list(classes), splits or ["train"] * count, ["train"] * count)


def test_items_survive_writing_and_reading(tmp_path: Path) -> None:
    items = items_of("a,b", 'quo"te', "ü")
    write_items(tmp_path / "items.csv", items)
    assert read_items(tmp_path / "items.csv") == items


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "its first line must be"),
        ("row,path,class,split,role\n0,p,a,train\n", "line 2 is damaged"),
        ("row,path,class,split,role\n1,p,a,train,train\n", "line 2 is damaged"),
        ("row,path,class,split,role\n0,p,a,train,train\n1,q,a,test,both\n", "class 'a' is in train and in test"),
    ],
)
def test_a_damaged_list_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "items.csv").write_text(text)
    with pytest.raises(UserError, match=expected):
        read_items(tmp_path / "items.csv")
