import json
import os
from pathlib import Path

import pytest
from pictures import picture, write_folder

from hardmine.artefacts import making, settle
from hardmine.datasets import fetch, folder
from hardmine.datasets.listing import Listing
from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan
from hardmine.settings.datasets import Folder, dataset_of

CLASSES = {f"{label}/{i}.JPG": picture(10 * n + i) for n, label in enumerate("abcdefgh") for i in range(3)}


def get(place: Path, raw: Path, **settings: object) -> Listing:
    chosen = Folder(path=str(place), **{"validation_share": 0, **settings})
    raw.mkdir(exist_ok=True)
    folder.download(raw, chosen)
    return folder.listing(raw, chosen)


def write_list(place: Path, text: str) -> None:
    (place / "items.csv").write_text(text, encoding="utf-8")


def test_class_folders_become_classes_split_by_the_seed(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    write_folder(place, {"a/notes.txt": b"x", "b/.hidden.jpg": b"x", ".cache/x/1.jpg": b"x", "c/._0.JPG": b"x"})
    items = get(place, tmp_path / "raw", test_share=0.25, validation_share=0.5).items
    assert sorted(items.paths) == sorted(CLASSES)
    assert [len(items.rows(split)) for split in ("train", "validation", "test")] == [9, 9, 6]

    def test_classes(seed: int) -> set[str]:
        items = get(place, tmp_path / "raw", seed=seed).items
        return {items.classes[row] for row in items.rows("test")}

    draws = [test_classes(seed) for seed in range(6)]
    assert all(len(draw) == 4 for draw in draws)
    assert len({tuple(sorted(draw)) for draw in draws}) > 2
    assert test_classes(0) == draws[0]


def test_a_list_may_name_classes_and_splits(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    rows = [f"{name},class {name[0]}" for name in CLASSES if name[0] in "abcd"]
    write_list(place, "\ufeffpath,class\n\n" + "\n".join(rows))
    items = get(place, tmp_path / "raw", list="items.csv").items
    assert [len(items.rows(split)) for split in ("train", "test")] == [6, 6]
    assert set(items.classes) == {f"class {letter}" for letter in "abcd"}
    splits = dict(zip("abcd", ("train", "test", "validation", "train"), strict=True))
    write_list(place, "path,class,split\n" + "\n".join(f"{row},{splits[row[0]]}" for row in rows))
    items = get(place, tmp_path / "raw", list="items.csv", validation_share=0.9).items
    assert {path[0]: split for path, split in zip(items.paths, items.splits, strict=True)} == splits
    roles = dict(zip(items.splits, items.roles, strict=True))
    assert roles == {"train": "train", "test": "both", "validation": "both"}


def test_the_files_stay_where_they_are_and_are_listed_with_their_digests(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    listing = get(place, tmp_path / "raw")
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["files.json"]
    assert str(tmp_path) not in (tmp_path / "raw" / "files.json").read_text()
    assert len({item["sha256"] for item in json.loads((tmp_path / "raw" / "files.json").read_text())}) == 24
    assert set(listing.places) == {(place, name) for name in CLASSES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file,label\na/0.JPG,a\n", "its first line is 'file,label'"),
        ("path;class\na/0.JPG;a\n", "its first line is 'path;class'"),
        ("", "its first line is ''"),
        ("path,class\n", "lists no image"),
        ("path,class\na/0.JPG,a\na/9.JPG,a\n", "line 3: there is no file"),
        ("path,class\na/0.JPG,a\nb/0.JPG,b\na/./0.JPG,a\n", "lines 2 and 4 both list a/0.JPG"),
        ("path,class\n../x.jpg,a\n", "line 2: '../x.jpg' must be a path inside the folder"),
        ("path,class\n/etc/x.jpg,a\n", "line 2: '/etc/x.jpg' must be a path inside the folder"),
        ("path,class\na\\0.JPG,a\n", "must be a path inside the folder"),
        ("path,class\na/notes.txt,a\n", "line 2: 'a/notes.txt' is no image"),
        ("path,class\na/0.JPG,a,train\n", "line 2: 'a/0.JPG,a,train' must have 2 cells"),
        ("path,class\na/0.JPG,\n", "none of them empty"),
        ("path,class,split\na/0.JPG,a,dev\n", "line 2: split 'dev' is not allowed; allowed: train, validation, test"),
        ("path,class,split\na/0.JPG,a,train\na/1.JPG,a,train\n", "has no image in test"),
        (
            "path,class,split\na/0.JPG,a,train\na/1.JPG,a,train\nb/0.JPG,a,test\nb/1.JPG,a,test\n",
            "class 'a' is in train and in test",
        ),
        (
            "path,class,split\na/0.JPG,a,train\na/1.JPG,a,train\nb/0.JPG,b,test\nc/1.JPG,c,test\n",
            "no class of the split test has two images",
        ),
        ('path,class\n"a/0.JPG,a\n', "cannot be read as CSV"),
    ],
)
def test_a_faulty_list_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    place = write_folder(tmp_path / "photos", CLASSES | {"a/notes.txt": b"x"})
    write_list(place, text)
    with pytest.raises(UserError) as caught:
        get(place, tmp_path / "raw", list="items.csv")
    assert expected in str(caught.value)
    assert str(place) in str(caught.value)


def test_a_list_of_bytes_or_outside_the_folder_is_refused(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES | {"items.csv": b"\xff\xfe\x00"})
    for name, expected in (
        ("items.csv", "not UTF-8"),
        ("../x.csv", "leaves the folder"),
        ("n.csv", "no file"),
    ):
        with pytest.raises(UserError, match=expected):
            get(place, tmp_path / "raw", list=name)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "holds no image"),
        ({"a/1.txt": b""}, "holds no image"),
        ({"a/1.jpg": b"", "2.jpg": b""}, "2.jpg lies beside the class folders"),
        ({"train/a/1.jpg": b"", "test/b/1.jpg": b""}, "look like splits, not classes"),
        ({f"{label}/1.jpg": b"" for label in "abcd"}, "no class has two images"),
        ({f"{label}/{i}.jpg": b"" for label in "abc" for i in range(2)}, "dataset.test_share: 0.5 of 3 classes is"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path, files: dict[str, bytes], expected: str) -> None:
    place = write_folder(tmp_path / "photos", files)
    place.mkdir(exist_ok=True)
    with pytest.raises(UserError, match=expected):
        get(place, tmp_path / "raw")


def test_links_out_of_the_folder_and_names_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    with open(os.fsencode(place) + b"/a/\xff.jpg", "wb"), pytest.raises(UserError, match="cannot be printed"):
        get(place, tmp_path / "raw")
    os.unlink(os.fsencode(place) + b"/a/\xff.jpg")
    (place / "a" / "link.jpg").symlink_to("/etc/hostname")
    with pytest.raises(UserError, match="a link that leaves the folder"):
        get(place, tmp_path / "raw")


def test_new_changed_and_removed_pictures_make_new_jobs_and_untouched_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = {"plan": "p", "baseline": "a", "runs": {"a": {"method": "random"}}, "seeds": [0]}
    content["dataset"] = {"name": "folder", "path": "My Photos"}

    def pending() -> bool:
        return "data/raw/folder/my-photos-256" in settle(jobs_of(load_plan(content, "plan"))[:2])

    def make() -> None:
        job = jobs_of(load_plan(content, "plan"))[0]
        with making(job) as raw:
            fetch.download(job, raw)

    assert pending()
    with pytest.raises(UserError, match=r"dataset.path: there is no folder My Photos"):
        make()
    place = write_folder(Path("My Photos"), CLASSES)
    make()
    assert not pending()
    (place / "a" / "new.jpg").write_bytes(picture(99))
    assert pending()
    make()
    assert not pending()
    (place / "a" / "new.jpg").write_bytes(picture(98))
    assert pending()
    job = jobs_of(load_plan(content, "plan"))[1]
    with pytest.raises(UserError, match="changed since they were listed"):
        folder.listing(Path(job.inputs[0]), dataset_of(job))
    make()
    assert len(folder.listing(Path(job.inputs[0]), dataset_of(job)).items.paths) == 25
    (place / "a" / "new.jpg").unlink()
    assert pending()


def test_equal_pictures_with_new_times_need_no_new_packing(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    settings = Folder(path=str(place))
    (tmp_path / "raw").mkdir()
    folder.download(tmp_path / "raw", settings)
    first, before = (tmp_path / "raw" / "files.json").read_bytes(), settings.fingerprint()
    os.utime(place / "a" / "0.JPG")
    folder.download(tmp_path / "raw", settings)
    assert settings.fingerprint() != before
    assert (tmp_path / "raw" / "files.json").read_bytes() == first
