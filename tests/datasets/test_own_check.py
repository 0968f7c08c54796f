import os
from pathlib import Path
from typing import Any

import pytest
from pictures import picture, write_folder

from hardmine.comparing.belonging import other_pictures
from hardmine.datasets import folder
from hardmine.datasets.items import Items
from hardmine.datasets.own_check import check_own_images
from hardmine.datasets.split_sizes import sizes_of, words_for
from hardmine.errors import UserError
from hardmine.settings import Plan, load_plan
from hardmine.settings.datasets import Folder

PICTURES = {f"{label}/{i}.jpg": picture(10 * n + i) for n, label in enumerate("abcdefgh") for i in range(3)}


def plan_on(place: Path, **keys: Any) -> Plan:
    content = {
        "plan": "own",
        "seeds": [0],
        "baseline": "mined",
        "dataset": {"name": "folder", "path": str(place), "size": 32, "test_share": 0.25, "validation_share": 0.34},
        "training": {"images": 64, "batch": {"classes": 4, "images_per_class": 2}},
        "runs": {"mined": {"method": "triplet", "selection": "semihard"}},
    }
    return load_plan(content | keys, "own.yaml")


def test_a_check_says_how_the_users_own_images_are_split_and_what_is_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = write_folder(tmp_path / "photos", PICTURES | {"a/4.heic": b"x", "b/solo.txt": b"x"})
    sizes = "train 12 images of 4 classes, validation 6 images of 2 classes, test 6 images of 2 classes"
    assert check_own_images(plan_on(place)) == f"{place}: {sizes}."
    assert "24 images; passed over: 2 with other endings (1 .heic, 1 .txt)" in capsys.readouterr().out


def test_a_check_refuses_batches_of_more_classes_than_training_or_a_fold_has(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", PICTURES)
    batch = {"images": 64, "batch": {"classes": 5, "images_per_class": 2}}
    with pytest.raises(UserError, match=r"runs\.mined: a batch has images of 5 classes, and there are 4 to train on"):
        check_own_images(plan_on(place, training=batch))
    with pytest.raises(UserError, match="of 4 classes, but with 2 folds of 4 training classes a trial has 2"):
        check_own_images(plan_on(place, tuning={"trials": 2, "folds": 2}))


def test_a_check_where_the_images_are_elsewhere_says_so_and_of_other_sets_nothing(tmp_path: Path) -> None:
    assert "there is no folder" in check_own_images(plan_on(tmp_path / "photos"))
    assert check_own_images(plan_on(tmp_path, dataset={"name": "glyphs"})) == ""


def test_the_sizes_of_splits_count_classes_of_one_image() -> None:
    splits = ["test", "train", "train", "train", "train"]
    items = Items(list("vwxyz"), ["t", "a", "a", "b", "c"], splits, ["both", *["train"] * 4])
    assert sizes_of(items) == {"train": (4, 3), "test": (1, 1)}
    assert words_for(items) == "train 4 images of 3 classes, test 1 images of 1 classes; 3 classes have one image"


def test_results_of_pictures_that_are_gone_new_or_written_to_are_told_from_results_of_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Snakefile").touch()
    place, source = write_folder(Path("photos"), PICTURES), Path("own.yaml")
    plan = plan_on(place)
    assert isinstance(plan.dataset, Folder)
    raw = Path(plan.dataset.raw_folder)
    assert other_pictures(plan, source) == ""
    raw.mkdir(parents=True)
    folder.download(raw, plan.dataset)
    monkeypatch.setattr("hardmine.comparing.belonging.read_record", lambda _: object())
    listed = os.stat(raw / "files.json").st_mtime_ns
    for path in place.rglob("*.jpg"):
        os.utime(path, ns=(listed - 10, listed - 10))
    assert other_pictures(plan, source) == ""
    (place / "a/0.jpg").unlink()
    write_folder(place, {"h/new.jpg": picture(99)})
    os.utime(place / "b/1.jpg", ns=(listed + 10, listed + 10))
    said = other_pictures(plan, source)
    assert said.startswith("photos: since it was listed for the results of own.yaml: 1 gone (a/0.jpg), 1 new (h/new.")
    assert said.endswith("1 written to (b/1.jpg). 'snakemake --cores all --configfile own.yaml' makes it.")
    place.rename("elsewhere")
    assert other_pictures(plan, source) == ""
