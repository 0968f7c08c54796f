"""Data sets that are downloaded: small archives in their layout with their traps, and the real files of a mirror."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from mirror import mirror
from pictures import picture, write_tar, write_zip

from hardmine.datasets import Items, cub200, grocery, omniglot, products
from hardmine.datasets.archives import open_archive
from hardmine.datasets.listing import Listing
from hardmine.errors import UserError
from hardmine.settings.datasets import Cub200, Grocery, Omniglot, Products

Change = Callable[[dict[str, bytes]], object]


def by_split(items: Items) -> dict[str, tuple[int, int]]:
    """Images and classes of each split."""
    return {
        split: (len(rows), len({items.classes[row] for row in rows}))
        for split in ("train", "validation", "test")
        if len(rows := items.rows(split))
    }


def replaced(files: dict[str, bytes], name: str, old: bytes, new: bytes) -> None:
    assert old in files[name]
    files[name] = files[name].replace(old, new)


def require_readable(listing: Listing) -> None:
    for path, member in listing.places:
        with open_archive(path) as archive:
            assert archive.read(member)[:2] in (b"\xff\xd8", b"\x89P")


# CUB-200-2011


def cub_files() -> dict[str, bytes]:
    names = {1: "001.Albatross", 100: "100.Pelican", 101: "101.White_Pelican", 200: "200.Yellowthroat"}
    images = [(f"{names[number]}/{names[number][4:]}_{i}.jpg", number, i) for number in names for i in (1, 2)]
    files = {"attributes.txt": b"a stray file", "CUB_200_2011/README": b"read me"}
    for i, (name, _, _) in enumerate(images):
        files[f"CUB_200_2011/images/{name}"] = picture(i, "L" if i == 3 else "RGB")
    lists = {
        "images.txt": [f"{i} {name}" for i, (name, _, _) in enumerate(images, 1)],
        "image_class_labels.txt": [f"{i} {number}" for i, (_, number, _) in enumerate(images, 1)],
        "classes.txt": [f"{number} {name}" for number, name in names.items()],
        "train_test_split.txt": [f"{i} {flag - 1}" for i, (_, _, flag) in enumerate(images, 1)],
        "bounding_boxes.txt": [f"{i} 1.0 1.0 8.0 8.0" for i in range(1, 9)],
    }
    return files | {f"CUB_200_2011/{name}": "\n".join(lines).encode() + b"\n" for name, lines in lists.items()}


def list_cub(folder: Path, change: Change = lambda files: None, **settings: object) -> Listing:
    files = cub_files()
    change(files)
    write_tar(folder / "CUB_200_2011.tgz", files)
    return cub200.listing(folder, Cub200(**{"validation_share": 0, **settings}))


@pytest.fixture
def small_cub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cub200, "COUNTS", {"train": (4, 2), "test": (4, 2)})


def test_cub_is_split_by_class_and_not_by_the_official_flags(tmp_path: Path, small_cub: None) -> None:
    listing = list_cub(tmp_path)
    items = listing.items
    assert by_split(items) == {"train": (4, 2), "test": (4, 2)}
    assert {items.classes[row] for row in items.rows("train")} == {"001.Albatross", "100.Pelican"}
    assert {items.roles[row] for row in items.rows("test")} == {"both"}
    require_readable(listing)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: f.pop("CUB_200_2011/images.txt"), "CUB_200_2011/images.txt missing"),
        (lambda f: f.pop("CUB_200_2011/images/100.Pelican/Pelican_2.jpg"), "listed in images.txt missing"),
        (lambda f: replaced(f, "CUB_200_2011/images.txt", b"2 001", b"1 001"), "lines 1 and 2 are both about 1"),
        (lambda f: replaced(f, "CUB_200_2011/images.txt", b"2 001.A", b"2 extra 001.A"), "line 2 is"),
        (lambda f: replaced(f, "CUB_200_2011/images.txt", b"8 200", b"9 200"), "image 8 is in only one of"),
        (
            lambda f: replaced(f, "CUB_200_2011/image_class_labels.txt", b"1 1\n", b"1 0\n"),
            "'0' is not a number",
        ),
        (lambda f: replaced(f, "CUB_200_2011/image_class_labels.txt", b"4 100", b"4 99"), "has class 99, which"),
        (lambda f: replaced(f, "CUB_200_2011/image_class_labels.txt", b"3 100", b"3 one"), "'one' is not a number"),
        (lambda f: replaced(f, "CUB_200_2011/classes.txt", b"101", b"102"), "has class 101, which classes.txt calls"),
        (lambda f: f.update({"CUB_200_2011/images.txt": b"1 caf\xe9.jpg\n"}), "is not UTF-8 text"),
        (lambda f: f.update({"CUB_200_2011/images.txt": b"\n"}), "lists nothing"),
        (lambda f: f.update({"../evil.jpg": b""}), "a name that leaves the folder"),
    ],
)
def test_a_damaged_cub_is_named(tmp_path: Path, small_cub: None, change: Change, expected: str) -> None:
    with pytest.raises(UserError, match=r"CUB_200_2011.tgz") as caught:
        list_cub(tmp_path, change)
    assert expected in str(caught.value)


def test_a_cub_with_images_lacking_is_refused_by_the_published_counts(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train has 4 images of 2 classes where the published .* has 5,864 of 100"):
        list_cub(tmp_path)


# Stanford Online Products


def products_files() -> dict[str, bytes]:
    head = "image_id class_id super_class_id path\n"
    images = [
        (i, number, 1 + (number % 2), f"{'bicycle' if number % 2 else 'chair'}_final/{number}_{i % 2}.JPG")
        for i, number in enumerate((1, 1, 11318, 11318, 11319, 11319, 22634, 22634), 1)
    ]
    lines = [" ".join(map(str, image)) for image in images]
    files = {
        "Ebay_train.txt": head + "\n".join(lines[:4]),
        "Ebay_test.txt": head + "\n".join(lines[4:]) + "\n",
        "Ebay_info.txt": head + "\n".join(lines),
    }
    root = "Stanford_Online_Products/"
    pictures = {f"{root}{name}": picture(i, "L" if i == 1 else "RGB") for i, _, _, name in images}
    return {f"{root}._Ebay_train.txt": b"x"} | {root + k: v.encode() for k, v in files.items()} | pictures


def list_products(folder: Path, change: Change = lambda files: None) -> Listing:
    files = products_files()
    change(files)
    write_zip(folder / "Stanford_Online_Products.zip", files)
    return products.listing(folder, Products(validation_share=0))


@pytest.fixture
def small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "COUNTS", {"train": (4, 2), "test": (4, 2)})


def test_products_follow_the_two_lists_and_class_names_sort_as_their_numbers(
    tmp_path: Path, small_products: None
) -> None:
    listing = list_products(tmp_path)
    assert by_split(listing.items) == {"train": (4, 2), "test": (4, 2)}
    assert sorted(set(listing.items.classes)) == ["00001", "11318", "11319", "22634"]
    require_readable(listing)


TEST_LIST = "Stanford_Online_Products/Ebay_test.txt"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: f.pop(TEST_LIST), "Ebay_test.txt missing"),
        (lambda f: f.pop("Stanford_Online_Products/chair_final/22634_1.JPG"), "22634_1.JPG listed in"),
        (lambda f: replaced(f, TEST_LIST, b"class_id", b"klass"), "line 1 is 'image_id klass super_"),
        (lambda f: replaced(f, TEST_LIST, b"5 11319", b"5 11318"), "line 2: class '11318' is not a number from 11319"),
        (lambda f: replaced(f, TEST_LIST, b"11319_0.JPG", b"11319_1.JPG"), "11319_1.JPG is listed twice"),
    ],
)
def test_damaged_products_are_named(tmp_path: Path, small_products: None, change: Change, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        list_products(tmp_path, change)
    assert expected in str(caught.value)


def test_another_collection_under_the_same_names_is_refused_by_its_counts(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="where the published data set has 59,551 of 11,318"):
        list_products(tmp_path)


# Omniglot


def omniglot_files(stem: str, *alphabets: str) -> dict[str, bytes]:
    return {
        f"{stem}/{alphabet}/character0{character}/{number * 2 + character:04d}_{drawing:02d}.png": picture(
            number * 4 + character * 2 + drawing, "1", kind="PNG"
        )
        for number, alphabet in enumerate(alphabets)
        for character in (1, 2)
        for drawing in (1, 2)
    }


def test_omniglot_leaves_out_the_alphabets_that_both_archives_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(omniglot.COUNTS, "small", {"train": (8, 4), "test": (4, 2)})
    for stem, alphabets in (("small1", ("Greek", "Korean")), ("small2", ("Greek", "Latin", "Tagalog"))):
        stem = f"images_background_{stem}"
        write_zip(tmp_path / f"{stem}.zip", omniglot_files(stem, *alphabets) | {f"{stem}/": b""})
    listing = omniglot.listing(tmp_path, Omniglot(validation_share=0))
    assert by_split(listing.items) == {"train": (8, 4), "test": (4, 2)}
    assert set(listing.items.classes) == {
        f"{alphabet}/character0{i}" for alphabet in ("Greek", "Korean", "Tagalog") for i in (1, 2)
    }
    require_readable(listing)


def test_full_omniglot_trains_on_background_and_tests_on_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(omniglot.COUNTS, "full", {"train": (8, 4), "test": (4, 2)})
    write_zip(tmp_path / "images_background.zip", omniglot_files("images_background", "Greek", "Korean"))
    write_zip(tmp_path / "images_evaluation.zip", omniglot_files("images_evaluation", "Gurmukhi"))
    listing = omniglot.listing(tmp_path, Omniglot(split="full", validation_share=0.5))
    assert by_split(listing.items) == {"train": (4, 2), "validation": (4, 2), "test": (4, 2)}
    write_zip(tmp_path / "images_evaluation.zip", {"images_evaluation/1.png": b""})
    with pytest.raises(UserError, match=r"images_evaluation.zip: 'images_evaluation/1.png' is not"):
        omniglot.listing(tmp_path, Omniglot(split="full"))


def test_the_real_small_omniglot_has_its_published_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARDMINE_MIRROR", str(mirror()))
    omniglot.download(tmp_path, Omniglot())
    listing = omniglot.listing(tmp_path, Omniglot(validation_share=0))
    assert by_split(listing.items) == {"train": (2720, 136), "test": (2120, 106)}
    assert Omniglot().channels == 1


# Grocery

GROCERY = [
    ("train", "Apple", 0, "a_001.jpg"),
    ("test", "Apple", 0, "a_001.jpg"),
    ("train", "Milk", 40, "m_001.jpg"),
    ("val", "Milk", 40, "m_001.jpg"),
    ("train", "Juice", 41, "j_001.jpg"),
    ("test", "Juice", 41, "j_002.jpg"),
    ("train", "Zucchini", 80, "z_001.jpg"),
    ("test", "Zucchini", 80, "z_002.jpg"),
]


def official_grocery(root: str = "GroceryStoreDataset-fc80/dataset/") -> dict[str, bytes]:
    lists: dict[str, str] = {"train": "", "val": "", "test": ""}
    files = {}
    for i, (split, name, number, file) in enumerate(GROCERY):
        lists[split] += f"{split}/Goods/{name}/{file}, {number}, {number // 2}\n"
        files[f"{root}{split}/Goods/{name}/{file}"] = picture(i)
    classes = {name: number for _, name, number, _ in GROCERY}
    table = "Class Name (str),Class ID (int),Coarse Class Name (str)\n"
    files[f"{root}classes.csv"] = (table + "".join(f"{k},{v},x\n" for k, v in classes.items())).encode()
    return files | {f"{root}{split}.txt": text.encode() for split, text in lists.items()}


def small_copy_of_grocery() -> dict[str, bytes]:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["path", "split", "class_id", "coarse_id", "class_name", "coarse_name", "original_path"])
    files = {}
    for i, (split, name, number, file) in enumerate(GROCERY):
        path = f"images/{number:02d}_{name}/{split}_{file}"
        table.writerow([path, split, number, number // 2, name, "x", f"{split}/Goods/{name}/{file}"])
        files[path] = picture(i)
    return files | {"index.csv": text.getvalue().encode()}


def list_grocery(folder: Path, files: Mapping[str, bytes], source: str, split: str = "halves") -> Listing:
    settings = Grocery(source=source, split=split, validation_share=0)
    write_zip(folder / settings.raw_files[0], files)
    return grocery.listing(folder, settings)


@pytest.fixture
def small_grocery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(grocery.COUNTS, "halves", {"train": (4, 2), "test": (4, 2)})
    monkeypatch.setitem(grocery.COUNTS, "odd-even", {"train": (6, 3), "test": (2, 1)})


def test_both_archives_of_grocery_give_the_same_items(tmp_path: Path, small_grocery: None) -> None:
    official = list_grocery(tmp_path, official_grocery(), "original")
    small = list_grocery(tmp_path, small_copy_of_grocery(), "128px")
    assert official.items == small.items
    assert by_split(official.items) == {"train": (4, 2), "test": (4, 2)}
    require_readable(official)
    require_readable(small)
    harder = list_grocery(tmp_path, official_grocery(), "original", "odd-even")
    assert {harder.items.classes[row] for row in harder.items.rows("test")} == {"41_Juice"}


TRAIN_LIST = "GroceryStoreDataset-fc80/dataset/train.txt"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: replaced(f, TRAIN_LIST, b", 80,", b", 81,"), "train.txt: line 4: class '81' is not a number from 0"),
        (lambda f: replaced(f, TRAIN_LIST, b", 80,", b", 79,"), "line 4: class 79 is not in classes.csv"),
        (lambda f: replaced(f, TRAIN_LIST, b", 40, 20", b", 40"), "line 2 is"),
        (lambda f: f.pop("GroceryStoreDataset-fc80/dataset/classes.csv"), "holds 0 files dataset/classes.csv"),
        (lambda f: f.pop("GroceryStoreDataset-fc80/dataset/val.txt"), "val.txt missing"),
        (lambda f: f.pop("GroceryStoreDataset-fc80/dataset/val/Goods/Milk/m_001.jpg"), "m_001.jpg listed in its lists"),
    ],
)
def test_a_damaged_grocery_is_named(tmp_path: Path, small_grocery: None, change: Change, expected: str) -> None:
    files = official_grocery()
    change(files)
    with pytest.raises(UserError) as caught:
        list_grocery(tmp_path, files, "original")
    assert expected in str(caught.value)


def test_a_damaged_index_of_grocery_is_named(tmp_path: Path, small_grocery: None) -> None:
    for old, new, expected in ((b"class_id", b"class", "first line must be"), (b",Milk,", b",", "line 4 has 6 cells")):
        files = small_copy_of_grocery()
        replaced(files, "index.csv", old, new)
        with pytest.raises(UserError, match=expected):
            list_grocery(tmp_path, files, "128px")


def test_an_incomplete_repository_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_zip(tmp_path / "manual" / "grocery" / "GroceryStoreDataset.zip", official_grocery())
    monkeypatch.setenv("HARDMINE_MANUAL", str(tmp_path / "manual"))
    monkeypatch.delenv("HARDMINE_MIRROR", raising=False)
    (tmp_path / "raw").mkdir()
    with pytest.raises(UserError, match="train has 4 images of 2 classes where the published data set has 3,051"):
        grocery.download(tmp_path / "raw", Grocery())
    assert not list((tmp_path / "raw").iterdir())


@pytest.mark.parametrize(
    ("split", "counts"),
    [("halves", {"train": (3051, 41), "test": (2370, 40)}), ("odd-even", {"train": (2781, 41), "test": (2640, 40)})],
)
def test_the_real_grocery_has_its_published_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str, counts: dict[str, tuple[int, int]]
) -> None:
    monkeypatch.setenv("HARDMINE_MIRROR", str(mirror()))
    settings = Grocery(source="128px", split=split, validation_share=0)
    grocery.download(tmp_path, settings)
    assert by_split(grocery.listing(tmp_path, settings).items) == counts
