import hashlib
import json
import os
import unicodedata
from pathlib import Path

import pytest
from pictures import picture, write_folder

from hardmine.artefacts import Job, making, settle
from hardmine.datasets import fetch, folder
from hardmine.datasets.archives import open_archive
from hardmine.datasets.listing import Listing
from hardmine.datasets.manual import manual_folder
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


def refusal_of(tmp_path: Path, text: str) -> str:
    """What is said of a list with this text."""
    place = write_folder(tmp_path / "photos", CLASSES)
    write_list(place, text)
    with pytest.raises(UserError) as caught:
        get(place, tmp_path / "raw", list="items.csv")
    return str(caught.value)


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
    assert listing.digests == [hashlib.sha256(CLASSES[path]).hexdigest() for path in listing.items.paths]


def test_a_picture_of_endless_holes_is_named_and_not_read(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    with open(place / "a/holes.png", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(
        UserError, match=r"1 of 25 images cannot be read:\na/holes.png: is larger than 268,435,456 bytes"
    ):
        get(place, tmp_path / "raw")
    assert len(get(place, tmp_path / "raw", unreadable=["a/holes.png"]).items.paths) == 24


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
        ("path,class\na/0.JPG,a\na/1.JPG,a\0\n", "line 3: the class 'a\\x00' has more than 255 bytes, or characters"),
        (f"path,class\na/0.JPG,{'ä' * 128}\n", "line 2: the class"),
    ],
)
def test_a_faulty_list_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    place = write_folder(tmp_path / "photos", CLASSES | {"a/notes.txt": b"x"})
    write_list(place, text)
    with pytest.raises(UserError) as caught:
        get(place, tmp_path / "raw", list="items.csv")
    assert expected in str(caught.value)
    assert str(place) in str(caught.value)


@pytest.mark.parametrize(
    ("head", "todo"),
    [
        ("path;class", "save it with commas in place of semicolons."),
        ('"path";"class"', "save it with commas in place of semicolons."),
        ("path\tclass\tsplit", "save it with commas in place of tabs."),
        ("Path,Class", "write path,class as its first line."),
        ("path,label", "write path,class as its first line."),
        (
            "Filename; Label ;Set",
            "save it with commas in place of semicolons; write path,class,split as its first line.",
        ),
        ("class,path", "put the columns into the order path,class."),
        ("path,class,width,height", "leave out the columns 'width', 'height'."),
        (",image,split,class", "leave out the column ''; put the columns into the order path,class,split; write path,"),
    ],
)
def test_a_list_that_others_would_read_is_refused_with_what_to_change(tmp_path: Path, head: str, todo: str) -> None:
    refusal = refusal_of(tmp_path, f"{head}\na/0.JPG\n")
    assert f"it must be path,class or path,class,split. What to do: {todo}" in refusal


@pytest.mark.parametrize("head", ["name,kind", "path,file,class", "path,kind", "path", "\x00", 'path,"class'])
def test_nothing_is_advised_on_a_list_of_other_things(tmp_path: Path, head: str) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    write_list(place, f"{head}\na/0.JPG,a,a\n")
    with pytest.raises(UserError, match=r"it must be path,class or path,class,split\.$|cannot be read as CSV"):
        get(place, tmp_path / "raw", list="items.csv")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("Train", " Write train for Train."),
        ("val", " Write validation for val."),
        ("VALID", " Write validation for VALID."),
        ("dev", " Write validation for dev."),
        ("fold1", ""),
    ],
)
def test_another_word_for_a_split_is_refused_with_the_one_to_write(tmp_path: Path, word: str, hint: str) -> None:
    refusal = refusal_of(tmp_path, f"path,class,split\na/0.JPG,a,{word}\n")
    assert refusal.endswith(f"{word!r} is not allowed; allowed: train, validation, test.{hint}")


@pytest.mark.parametrize("end", ["\n", "\n\n", "\n  \n", "\r\n,\r\n,\r\n", "\n\t,\n\n"])
def test_blank_lines_at_the_end_of_a_list_are_no_images(tmp_path: Path, end: str) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    with open(place / "items.csv", "w", newline="", encoding="utf-8") as file:
        file.write("path,class\n" + "\n".join(f"{name},{name[0]}" for name in CLASSES) + end)
    assert sorted(get(place, tmp_path / "raw", list="items.csv").items.paths) == sorted(CLASSES)


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


def test_names_that_cannot_be_written_are_refused_together(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES | {"a/one\ntwo.jpg": picture(90), "a/\x1b[2J.jpg": picture(91)})
    with open(os.fsencode(place) + b"/a/\xff.jpg", "wb"), pytest.raises(UserError) as caught:
        get(place, tmp_path / "raw")
    assert "3 file names cannot be printed" in str(caught.value)
    for name in (r"one\ntwo.jpg", r"\x1b[2J.jpg", r"\udcff.jpg"):
        assert name in str(caught.value)


def test_no_break_spaces_joiners_and_other_scripts_are_good_names(tmp_path: Path) -> None:
    names = ["a/Bild\u00a01.jpg", "b/Photo 9.41.30\u202fAM.jpg", "c/\U0001f468\u200d\U0001f469.jpg", "鞋/一.jpg"]
    place = write_folder(tmp_path / "photos", CLASSES | {name: picture(90 + i) for i, name in enumerate(names)})
    assert set(names) < set(get(place, tmp_path / "raw").items.paths)


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


def test_classes_are_drawn_for_test_among_those_that_have_a_pair(tmp_path: Path) -> None:
    lone = {f"lone{i}/0.jpg": picture(100 + i) for i in range(12)}
    place = write_folder(tmp_path / "photos", CLASSES | lone)
    for seed in range(6):
        items = get(place, tmp_path / "raw", seed=seed).items
        drawn = {items.classes[row] for row in items.rows("test")}
        assert len(drawn) == 4
        assert drawn < set("abcdefgh")
    with pytest.raises(UserError, match=r"0.1 of 8 classes of two or more images is 1 for test and 7 for training"):
        get(place, tmp_path / "raw", test_share=0.1)
    with pytest.raises(UserError, match=r"0.95 of 8 classes of two or more images is 8 for test and 0 for training"):
        get(place, tmp_path / "raw", test_share=0.95)


def test_an_image_that_is_left_out_makes_no_pair(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    left_out = [f"a/{i}.JPG" for i in (0, 1)]
    for seed in range(6):
        items = get(place, tmp_path / "raw", seed=seed, unreadable=left_out).items
        assert "a" not in {items.classes[row] for row in items.rows("test")}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("1", "001"),
        ("1", "1.0"),
        ("Cat", "cat"),
        ("cat", "cat\u200b"),
        ("red cat", "red\u00a0cat"),
        ("red cat", "red  cat "),
        ("straße", "STRASSE"),
        ("ﬁg", "fig"),
        ("Caf\u00e9", "cafe\u0301"),
    ],
)
def test_a_class_under_two_spellings_is_refused_and_both_are_named(tmp_path: Path, one: str, two: str) -> None:
    files = {f"{label}/{i}.jpg": picture(50 + 2 * n + i) for n, label in enumerate((one, two)) for i in range(2)}
    place = write_folder(tmp_path / "photos", CLASSES | files)
    with pytest.raises(UserError, match="a class has two spellings") as caught:
        get(place, tmp_path / "raw")
    assert f"{one!r} (a folder, 2 images" in str(caught.value)
    assert f"{two!r} (a folder, 2 images" in str(caught.value)
    assert {one, two} < set(get(place, tmp_path / "raw", spellings="apart").items.classes)


def test_two_spellings_in_a_list_are_named_with_their_lines(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    rows = [f"{name},{'No. ' + name[0] if name[2] < '2' else 'no. ' + name[0]}" for name in CLASSES]
    write_list(place, "path,class\n" + "\n".join(rows))
    with pytest.raises(
        UserError, match=r"'No. a' \(line 2, 2 images, first 'a/0.JPG'\) and 'no. a' \(line 4, 1 image,"
    ):
        get(place, tmp_path / "raw", list="items.csv")


def test_letters_and_numbers_that_differ_are_classes_of_their_own(tmp_path: Path) -> None:
    labels = ["a", "A", "1", "10", "1.1", "1.10", "-1", "x-1", "x_1", "i", "ı"]
    files = {f"{label}/{i}.jpg": picture(2 * n + i) for n, label in enumerate(labels) for i in range(2)}
    place = write_folder(tmp_path / "photos", files)
    assert set(get(place, tmp_path / "raw").items.classes) == set(labels)


def test_a_class_in_two_encodings_of_the_same_letters_is_one(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    composed, split = "caf\u00e9", "cafe\u0301"
    files = {f"{label}/{i}.jpg": picture(50 + 2 * n + i) for n, label in enumerate((composed, split)) for i in range(2)}
    place = write_folder(tmp_path / "photos", CLASSES | files)
    items = get(place, tmp_path / "raw").items
    assert items.classes.count(composed) == 4
    assert split not in items.classes
    assert f"class {composed!r} is written in 2 encodings" in capsys.readouterr().out
    alone = write_folder(tmp_path / "alone", CLASSES | {f"{split}/{i}.jpg": picture(60 + i) for i in range(2)})
    assert get(alone, tmp_path / "raw").items.classes.count(split) == 2
    rows = [f"{name},{name[0]},{'train' if name[0] in 'abc' else 'test'}" for name in CLASSES]
    sides = [f"{composed}/0.jpg,{composed},train", f"{split}/0.jpg,{split},test"]
    write_list(place, "path,class,split\n" + "\n".join([*rows, *sides]))
    with pytest.raises(UserError, match="is in test and in train"):
        get(place, tmp_path / "raw", list="items.csv")


def test_links_are_followed_and_each_folder_is_read_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    store = write_folder(tmp_path / "store", CLASSES)
    place = tmp_path / "photos"
    for name in CLASSES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        if name[0] in "abcd":
            (place / name).symlink_to(store / name)
    for label in "efgh":
        (place / label).rmdir()
        (place / label).symlink_to(store / label)
    (place / "a" / "again").symlink_to(place)
    (place / "a" / "up").symlink_to(tmp_path)
    (place / "a" / "me").symlink_to("me")
    (place / "z").symlink_to(store / "h")
    listing = get(place, tmp_path / "raw")
    assert listing.items.paths == sorted(CLASSES)
    said = capsys.readouterr().out
    assert "1 leading nowhere or not to be reached (a/me)" in said
    assert "2 read under another name (a/again/, z/)" in said
    assert "1 leading to a folder around this one (a/up/)" in said
    with open_archive(place, own=True) as archive:
        assert dict(archive.iterate(listing.items.paths)) == CLASSES


def test_pictures_that_are_links_to_nowhere_are_named_together(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    (place / "a" / "gone.jpg").symlink_to(tmp_path / "cache" / "gone.jpg")
    (place / "b" / "me.png").symlink_to("me.png")
    with pytest.raises(
        UserError, match=r"(?s)2 of 26 images cannot be read:\na/gone.jpg: .*\nb/me.png: .*dataset.unreadable"
    ):
        get(place, tmp_path / "raw")
    assert len(get(place, tmp_path / "raw", unreadable=["a/gone.jpg", "b/me.png"]).items.paths) == 24


def test_what_is_passed_over_is_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    others = [
        "a/1.HEIC",
        "a/2.heic",
        "b/notes.txt",
        "b/.hidden.jpg",
        ".cache/x/1.jpg",
        "c/@eaDir/0.JPG/SYNO.jpg",
        "README",
    ]
    place = write_folder(tmp_path / "photos", CLASSES | dict.fromkeys([*others, "#recycle/a/0.jpg"], b"x"))
    extra = {f"a/x{ending}": picture(70 + n) for n, ending in enumerate((".jfif", ".JPE", ".ppm"))}
    assert set(get(write_folder(place, extra), tmp_path / "raw").items.paths) == {*CLASSES, *extra}
    assert (
        f"{place}: 27 images; passed over: 2 hidden (.cache/, b/.hidden.jpg); "
        "2 of a file server or system (#recycle/, c/@eaDir/); 4 with other endings (2 .heic, 1 .txt, 1 without any)."
    ) in capsys.readouterr().out


def test_images_that_a_list_leaves_out_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    write_list(place, "path,class\n" + "\n".join(f"{name},{name[0]}" for name in CLASSES if name != "h/2.JPG"))
    get(place, tmp_path / "raw", list="items.csv")
    assert "of the folder's images it leaves out 1: h/2.JPG" in capsys.readouterr().out


def test_equal_files_in_two_classes_and_splits_are_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    get(place, tmp_path / "raw")
    assert "equal" not in capsys.readouterr().out
    write_folder(place, {f"{label}/same.jpg": picture(80) for label in "abcdefgh"} | {"a/twin.jpg": CLASSES["a/0.JPG"]})
    get(place, tmp_path / "raw")
    said = capsys.readouterr().out
    assert "equal to another image, byte by byte: 8; such files in several classes: 1, in several splits: 1" in said
    assert "a/same.jpg = b/same.jpg" in said


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8", "utf-8-sig"])
def test_lists_in_unicode_are_read(tmp_path: Path, encoding: str) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    text = "path,class\n" + "\n".join(f"{name},für {name[0]}" for name in CLASSES)
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (place / "items.csv").write_bytes((mark + text).encode(encoding))
    assert "für a" in get(place, tmp_path / "raw", list="items.csv").items.classes


def test_a_list_in_another_encoding_is_named_with_its_line_and_a_remedy(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    (place / "items.csv").write_bytes("path,class\na/0.JPG,a\nb/0.JPG,café\n".encode("cp1252"))
    with pytest.raises(UserError, match=r"not UTF-8 text \(line 3 holds the byte 0xE9\). Save it as UTF-8"):
        get(place, tmp_path / "raw", list="items.csv")


@pytest.mark.parametrize(("in_list", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_list_may_write_names_in_another_encoding_of_the_same_letters(
    tmp_path: Path, in_list: str, on_disk: str
) -> None:
    def name(form: str, number: int) -> str:
        return unicodedata.normalize(form, f"é{number % 4}/ü{number}.jpg")

    place = write_folder(tmp_path / "photos", {name(on_disk, i): picture(i) for i in range(16)})
    write_list(place, "path,class\n" + "\n".join(f"{name(in_list, i)},{i % 4}" for i in range(16)))
    listing = get(place, tmp_path / "raw", list="items.csv")
    assert set(listing.items.paths) == {name(on_disk, i) for i in range(16)}
    write_list(place, f"path,class\n{name('NFC', 1)},a\n{name('NFD', 1)},a\n")
    with pytest.raises(UserError, match="lines 2 and 3 both list"):
        get(place, tmp_path / "raw", list="items.csv")


def test_an_image_to_leave_out_may_be_written_in_another_encoding_of_the_same_letters(tmp_path: Path) -> None:
    place = write_folder(
        tmp_path / "photos", CLASSES | {"a/caf\u00e9.jpg": picture(90), "b/cafe\u0301.jpg": picture(91)}
    )
    items = get(place, tmp_path / "raw", unreadable=["b/caf\u00e9.jpg"]).items
    assert set(items.paths) == {*CLASSES, "a/caf\u00e9.jpg"}


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "photos", CLASSES)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Folder(path="~/photos")
    assert settings.place == tmp_path / "photos"
    assert settings.fingerprint() == Folder(path=str(tmp_path / "photos")).fingerprint()
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "~" / "photos", CLASSES)
    assert Folder(path="~/photos").place == Path("~/photos")


def test_files_that_the_user_brings_may_lie_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HARDMINE_MANUAL", "~/sets")
    assert manual_folder("inshop") == tmp_path / "sets" / "inshop"


def test_two_plans_never_take_different_folders_under_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = [write_folder(tmp_path / parent / "shoes", CLASSES) for parent in ("one", "two")]

    def make(plan: str, place: Path) -> None:
        content = {"plan": plan, "baseline": "a", "runs": {"a": {"method": "random"}}, "seeds": [0]}
        jobs = jobs_of(load_plan(content | {"dataset": {"name": "folder", "path": str(place)}}, "plan"))
        settle(jobs[:2])
        with making(jobs[0]) as raw:
            fetch.download(jobs[0], raw)

    make("first", places[0])
    make("again", tmp_path / "two" / ".." / "one" / "shoes")
    good = Path("data/raw/folder/shoes-256/files.json").read_bytes()
    with pytest.raises(UserError, match=r"'shoes-256' is .*two/shoes here and .*one/shoes in the plan 'again'"):
        make("second", places[1])
    assert Path("data/raw/folder/shoes-256/files.json").read_bytes() == good
    places[0].rename(tmp_path / "moved")
    make("second", places[1])


def test_files_that_change_places_are_noticed_and_looks_alone_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = write_folder(tmp_path / "photos", CLASSES)
    one, two = place / "a" / "0.JPG", place / "b" / "0.JPG"
    two.write_bytes(bytes(len(one.read_bytes())))
    for file in (one, two):
        os.utime(file, ns=(10**18, 10**18))
    settings = Folder(path=str(place), validation_share=0)
    job = Job("p", "download", "raw", ("files.json",), (), settings.download_settings, {})
    with making(job) as raw:
        folder.download(raw, settings)
    before = settings.fingerprint()
    place.rename(tmp_path / "moved")
    assert Folder(path=str(tmp_path / "moved")).fingerprint() == before
    (tmp_path / "moved").rename(place)
    one.rename(place / "c.tmp")
    two.rename(one)
    (place / "c.tmp").rename(two)
    assert settings.fingerprint() != before
    with pytest.raises(UserError, match="changed since they were listed"):
        folder.listing(Path("raw"), settings)
    one.rename(place / "c.tmp")
    two.rename(one)
    (place / "c.tmp").rename(two)
    assert settings.fingerprint() != before
    assert len(folder.listing(Path("raw"), settings).items.paths) == 24


def test_folders_that_cannot_be_opened_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = write_folder(tmp_path / "photos", CLASSES)
    scan = os.scandir

    def refusing(path: str | Path) -> object:
        if str(path).endswith("/photos/b/"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UserError, match="cannot open b/"):
        get(place, tmp_path / "raw")
