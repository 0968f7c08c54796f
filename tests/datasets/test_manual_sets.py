"""Data sets whose files the user brings: small copies in their layouts, with their traps."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pictures import picture, write_folder, write_tar, write_zip
from scipy.io import savemat

from hardmine.datasets import cars196, inshop, vehicleid
from hardmine.datasets.archives import open_archive
from hardmine.datasets.items import Items
from hardmine.datasets.listing import Listing
from hardmine.errors import UserError
from hardmine.settings.datasets import Cars196, Inshop, VehicleID


@pytest.fixture(autouse=True)
def manual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARDMINE_MANUAL", str(tmp_path / "manual"))
    (tmp_path / "raw").mkdir()
    return tmp_path / "manual"


def by_split(items: Items) -> dict[str, tuple[int, int]]:
    """Images and classes of each split."""
    return {
        split: (len(rows), len({items.classes[row] for row in rows}))
        for split in ("train", "test")
        if len(rows := items.rows(split))
    }


def require_readable(listing: Listing) -> None:
    for path, member in listing.places:
        with open_archive(path) as archive:
            assert archive.read(member)[:2] == b"\xff\xd8"


# Cars196

CLASSES = (196, 1, 98, 99, 196, 1, 98, 99)


def annotations(fields: tuple[str, ...], rows: list[tuple]) -> bytes:
    """A .mat file as the publishers wrote it: a record array of objects of shape (1, N), small integers as uint8."""
    table = np.empty((1, len(rows)), dtype=[(field, object) for field in fields])
    for i, row in enumerate(rows):
        table[0, i] = tuple(value if isinstance(value, str) else np.array([[value]], np.uint8) for value in row)
    buffer = io.BytesIO()
    savemat(buffer, {"annotations": table})
    return buffer.getvalue()


def merged_annotations(classes: tuple[int, ...] = CLASSES) -> bytes:
    fields = ("relative_im_path", "bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "test")
    rows = [(f"car_ims/{i:06d}.jpg", 1, 1, 17, 9, number, i % 2) for i, number in enumerate(classes, 1)]
    return annotations(fields, rows)


def half_annotations(classes: tuple[int, ...]) -> bytes:
    fields = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname")
    return annotations(fields, [(1, 1, 17, 9, number, f"{i:05d}.jpg") for i, number in enumerate(classes, 1)])


def half_images(part: str) -> dict[str, bytes]:
    return {f"{part}/{i:05d}.jpg": picture(i, "L" if i == 1 else "RGB") for i in range(1, 5)}


@pytest.fixture
def small_cars(monkeypatch: pytest.MonkeyPatch) -> None:
    for release, images in (("merged", 4), ("halves", 4), ("train-half", 2), ("test-half", 2)):
        monkeypatch.setitem(cars196.COUNTS, release, {"train": (images, 2), "test": (images, 2)})


def get_cars(raw: Path, release: str) -> Listing:
    settings = Cars196(release=release, validation_share=0)
    cars196.download(raw, settings)
    assert sorted(path.name for path in raw.iterdir()) == sorted(settings.raw_files)
    listing = cars196.listing(raw, settings)
    require_readable(listing)
    return listing


def bring_merged_cars(manual: Path) -> None:
    write_tar(manual / "cars196/car_ims.tgz", {f"car_ims/{i:06d}.jpg": picture(i) for i in range(1, 9)})
    write_folder(manual / "cars196", {"cars_annos.mat": merged_annotations()})


def test_merged_cars_are_split_by_class_though_large_classes_come_as_small_integers(
    tmp_path: Path, manual: Path, small_cars: None
) -> None:
    bring_merged_cars(manual)
    items = get_cars(tmp_path / "raw", "merged").items
    assert by_split(items) == {"train": (4, 2), "test": (4, 2)}
    assert items.classes[:4] == ["196", "001", "098", "099"]
    places = json.loads((tmp_path / "raw/files.json").read_text())
    assert places["car_ims"]["path"] == "car_ims.tgz"
    assert str(tmp_path) not in (tmp_path / "raw/files.json").read_text()


def halves(manual: Path, layout: str) -> None:
    train, test = half_annotations(CLASSES[:4]), half_annotations(CLASSES[4:])
    if layout == "archives":
        for part in ("cars_train", "cars_test"):
            write_tar(manual / f"cars196/{part}.tgz", half_images(part))
        write_tar(manual / "cars196/car_devkit.tgz", {"devkit/cars_train_annos.mat": train})
        write_folder(manual / "cars196", {"cars_test_annos_withlabels.mat": test})
    else:
        lists = {"devkit/cars_train_annos.mat": train, "cars_test_annos_withlabels.mat": test}
        files = half_images("cars_train") | half_images("cars_test") | lists
        write_folder(manual / "cars196/stanford_cars", files)


@pytest.mark.parametrize("layout", ["archives", "folders"])
def test_the_halves_of_cars_are_merged_though_their_file_names_repeat(
    tmp_path: Path, manual: Path, small_cars: None, layout: str
) -> None:
    halves(manual, layout)
    items = get_cars(tmp_path / "raw", "halves").items
    assert by_split(items) == {"train": (4, 2), "test": (4, 2)}
    assert {path for path in items.paths if path.endswith("00001.jpg")} == {
        "cars_train/00001.jpg",
        "cars_test/00001.jpg",
    }


def test_a_single_half_of_cars_is_an_error_unless_it_is_asked_for(
    tmp_path: Path, manual: Path, small_cars: None, capsys: pytest.CaptureFixture[str]
) -> None:
    halves(manual, "archives")
    (manual / "cars196/cars_test.tgz").unlink()
    with pytest.raises(UserError, match=r"ONLY cars_train IS THERE(.|\n)*set dataset.release: train-half"):
        cars196.download(tmp_path / "raw", Cars196())
    assert by_split(get_cars(tmp_path / "raw", "train-half").items) == {"train": (2, 2), "test": (2, 2)}
    assert "WARNING: one half of Cars196 only" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("cars_annos.mat", b"MATLAB 5.0 MAT-file" + bytes(50), "is no list of annotations"),
        ("cars_annos.mat", merged_annotations()[:900], "is no list of annotations"),
        ("cars_annos.mat", annotations(("fname", "bbox_x1"), [("1.jpg", 1)] * 2), "has no classes"),
        ("cars_annos.mat", merged_annotations((0, *CLASSES[1:])), "car_ims/000001.jpg has class 0"),
        ("cars_annos.mat", merged_annotations((197, *CLASSES[1:])), "has class 197"),
        ("cars_annos.mat", merged_annotations(CLASSES[:7]), "where the published data set has 4 of 2"),
        ("cars_annos.mat", merged_annotations((*CLASSES, 98)), "car_ims/000009.jpg listed in"),
        ("car_ims.tgz", b"<html>", "looks like a web page"),
    ],
)
def test_damaged_cars_are_named(
    tmp_path: Path, manual: Path, small_cars: None, name: str, content: bytes, expected: str
) -> None:
    write_tar(manual / "cars196/car_ims.tgz", {f"car_ims/{i:06d}.jpg": picture(i) for i in range(1, 9)})
    write_folder(manual / "cars196", {"cars_annos.mat": merged_annotations(), name: content})
    (tmp_path / "raw/cars_annos.mat").write_bytes(b"an earlier copy")
    with pytest.raises(UserError) as caught:
        cars196.download(tmp_path / "raw", Cars196(release="merged"))
    assert expected in str(caught.value)
    assert str(manual / "cars196") in str(caught.value)
    assert (tmp_path / "raw/cars_annos.mat").read_bytes() == b"an earlier copy"


def test_one_half_under_the_name_of_the_other_is_refused(tmp_path: Path, manual: Path, small_cars: None) -> None:
    halves(manual, "archives")
    write_tar(manual / "cars196/cars_test.tgz", half_images("cars_train"))
    with pytest.raises(UserError, match=r"cars_test.tgz: holds cars_train instead of cars_test"):
        cars196.download(tmp_path / "raw", Cars196())


# In-shop

INSHOP = [
    ("img/WOMEN/Tees/id_00000001/01_1_front.jpg", "id_00000001", "train"),
    ("img/WOMEN/Tees/id_00000001/01_2_side.jpg", "id_00000001", "train"),
    ("img/WOMEN/Tees/id_00000001/01_3_back.jpg", "id_00000001", "train"),
    ("img/MEN/Denim/id_00000002/01_1_front.jpg", "id_00000002", "train"),
    ("img/MEN/Denim/id_00000003/01_1_front.jpg", "id_00000003", "query"),
    ("img/MEN/Denim/id_00000003/01_2_side.jpg", "id_00000003", "gallery"),
    ("img/MEN/Denim/id_00000003/01_3_back.jpg", "id_00000003", "gallery"),
    ("img/MEN/Denim/id_00000004/01_1_front.jpg", "id_00000004", "query"),
    ("img/MEN/Denim/id_00000004/01_2_side.jpg", "id_00000004", "gallery"),
]


def partition() -> bytes:
    rows = [f"{name:<60}{item:<14} {status:<12} " for name, item, status in INSHOP]
    return "\n".join([str(len(rows)), "image_name item_id evaluation_status", *rows, ""]).encode()


def bring_inshop(manual: Path, layout: str = "published", text: bytes | None = None) -> None:
    images = {name: picture(i) for i, (name, _, _) in enumerate(INSHOP)}
    text = partition() if text is None else text
    if layout == "published":
        write_zip(manual / "inshop/Img/img.zip", images)
        write_folder(manual / "inshop/Eval", {inshop.LIST: text})
    else:
        write_folder(manual / ("inshop/Img" if layout == "unpacked" else "inshop"), images)
        write_folder(manual / "inshop", {inshop.LIST: text})


@pytest.fixture
def small_inshop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inshop, "COUNTS", {"train": (4, 2), "query": (2, 2), "gallery": (3, 2)})
    monkeypatch.setattr(inshop, "SINGLE_IMAGE_ITEMS", 1)


@pytest.mark.parametrize("layout", ["published", "unpacked", "flat"])
def test_inshop_keeps_queries_apart_from_the_gallery_in_every_layout(
    tmp_path: Path, manual: Path, small_inshop: None, layout: str
) -> None:
    bring_inshop(manual, layout)
    settings = Inshop(validation_share=0)
    inshop.download(tmp_path / "raw", settings)
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == sorted(settings.raw_files)
    listing = inshop.listing(tmp_path / "raw", settings)
    assert by_split(listing.items) == {"train": (4, 2), "test": (5, 2)}
    assert [listing.items.roles.count(role) for role in ("train", "query", "gallery", "both")] == [4, 2, 3, 0]
    require_readable(listing)


def test_items_of_a_single_image_are_kept_or_dropped_as_asked(tmp_path: Path, manual: Path, small_inshop: None) -> None:
    bring_inshop(manual)
    inshop.download(tmp_path / "raw", Inshop(validation_share=0))
    listing = inshop.listing(tmp_path / "raw", Inshop(validation_share=0, single_image_items="drop"))
    assert by_split(listing.items)["train"] == (3, 1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"9\nimage_name item_id evaluation_status", b"202599\nimage_name evaluation_status", "line 2 is"),
        (b"9\nimage_name", b"image_name", "line 1 is"),
        (b"9\n", b"10\n", "announces 10 rows, 9 follow"),
        (b"query", b"probe", "'probe' must be id_ with 8 digits, and train, query or gallery"),
        (b"id_00000004    query", b"id_4           query", "line 10: 'id_4'"),
        (
            b"id_00000003    query  ",
            b"id_00000003    gallery",
            "item id_00000003 is only a query or only",
        ),
        (b"id_00000002    train", b"id_00000003    train", "class 'id_00000003' is in"),
        (b"id_00000002/01_1", b"id_00000002/01_9", "01_9_front.jpg listed in"),
        (b"id_00000001/01_2_side", b"id_00000001/01_1_front", "listed twice"),
    ],
)
def test_a_damaged_list_of_inshop_is_named(
    tmp_path: Path, manual: Path, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes, expected: str
) -> None:
    monkeypatch.setattr(inshop, "COUNTS", {})
    monkeypatch.setattr(inshop, "_single_image_items", lambda entries: {"one"})
    monkeypatch.setattr(inshop, "SINGLE_IMAGE_ITEMS", 1)
    assert old in partition()
    bring_inshop(manual, text=partition().replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        inshop.download(tmp_path / "raw", Inshop(validation_share=0))
    assert expected in str(caught.value)
    assert not list((tmp_path / "raw").iterdir())


def test_an_inshop_of_other_counts_is_refused(
    tmp_path: Path, manual: Path, small_inshop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_inshop(manual)
    monkeypatch.setattr(inshop, "SINGLE_IMAGE_ITEMS", 12)
    with pytest.raises(UserError, match="1 training items have one image instead of 12"):
        inshop.download(tmp_path / "raw", Inshop(validation_share=0))
    monkeypatch.setattr(inshop, "COUNTS", {"query": (14218, 3985)})
    with pytest.raises(UserError, match="query has 2 images of 2 classes where"):
        inshop.download(tmp_path / "raw", Inshop(validation_share=0))


# VehicleID

TRAIN = ["0000007 441", "0000012 441", "0000003 99", "0000004 99"]
VEHICLES = (23781, 9347, 23781, 441000, 9347, 441000, 9347, 441000, 9347)
TEST = [f"{1000 + i:07d} {vehicle}" for i, vehicle in enumerate(VEHICLES)]


def bring_vehicles(manual: Path, train: list[str], test: list[str], root: str = "VehicleID_V1.0/") -> None:
    images = {f"{root}image/{line.split()[0]}.jpg": picture(i, size=8) for i, line in enumerate(TRAIN + TEST)}
    lists = {"train_list.txt": train, "test_list_800.txt": test}
    files = {f"{root}train_test_split/{name}": "\n".join(lines).encode() + b"\n" for name, lines in lists.items()}
    write_folder(manual / "vehicleid", images | files)


@pytest.fixture
def small_vehicles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vehicleid.COUNTS, 800, (9, 3))


@pytest.mark.parametrize("root", ["VehicleID_V1.0/", "vehicleid/", ""])
def test_vehicles_keep_the_zeros_of_their_names_and_every_test_image_is_both(
    tmp_path: Path, manual: Path, small_vehicles: None, root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bring_vehicles(manual, TRAIN, TEST, root)
    settings = VehicleID(validation_share=0)
    vehicleid.download(tmp_path / "raw", settings)
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == sorted(settings.raw_files)
    capsys.readouterr()
    listing = vehicleid.listing(tmp_path / "raw", settings)
    assert by_split(listing.items) == {"train": (4, 2), "test": (9, 3)}
    assert {listing.items.roles[row] for row in listing.items.rows("test")} == {"both"}
    assert "image/0000007.jpg" in listing.items.paths
    assert sorted(set(listing.items.classes)) == ["000099", "000441", "009347", "023781", "441000"]
    require_readable(listing)
    assert "4 images of 2 vehicles, where the usual release has 113,346 of 13,164" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (["7 441", *TRAIN[1:]], TEST, "train_list.txt: line 1: image '7' must be 7 digits"),
        (["0000007.jpg 441", *TRAIN[1:]], TEST, "image '0000007.jpg' must be 7 digits"),
        (["0000007 x", *TRAIN[1:]], TEST, "vehicle 'x' is not a number"),
        (["0000007", *TRAIN[1:]], TEST, "it must hold image, vehicle"),
        (["0009999 441", *TRAIN[1:]], TEST, "image: 0009999.jpg listed in"),
        ([TRAIN[1], *TRAIN[1:]], TEST, "image/0000012.jpg is listed twice"),
        (TRAIN, TEST[1:], "test has 8 images of 3 classes where the published data set has 9 of 3"),
        (TRAIN, [TEST[0].replace("23781", "441"), *TEST[1:]], "class '000441' is in"),
        ([], TEST, "lists nothing"),
    ],
)
def test_damaged_lists_of_vehicles_are_named(
    tmp_path: Path,
    manual: Path,
    monkeypatch: pytest.MonkeyPatch,
    train: list[str],
    test: list[str],
    expected: str,
) -> None:
    monkeypatch.setitem(vehicleid.COUNTS, 800, (9, 4 if "000441" in expected else 3))
    bring_vehicles(manual, train, test)
    with pytest.raises(UserError) as caught:
        vehicleid.download(tmp_path / "raw", VehicleID(validation_share=0))
    assert expected in str(caught.value)


# All three


@pytest.mark.parametrize(
    ("download", "settings", "words"),
    [
        (cars196.download, Cars196(), ("cars_train.tgz", "Its host is gone", "issues/7545")),
        (inshop.download, Inshop(), ("Eval/list_eval_partition.txt", "Sign the agreement", "InShopRetrieval.html")),
        (vehicleid.download, VehicleID(), ("train_test_split/train_list.txt", "Ask for it on", "pku-vehicleid.html")),
    ],
    ids=["cars196", "inshop", "vehicleid"],
)
def test_without_files_the_message_says_where_to_ask_and_what_to_put_where(
    tmp_path: Path, manual: Path, download: Callable, settings: object, words: tuple[str, ...]
) -> None:
    with pytest.raises(UserError) as caught:
        download(tmp_path / "raw", settings)
    for word in (str(manual / settings.name), "HARDMINE_MANUAL", *words):  # type: ignore[attr-defined]
        assert word in str(caught.value)


def test_an_archive_that_changed_or_went_away_after_the_check_is_named(
    tmp_path: Path, manual: Path, small_inshop: None
) -> None:
    bring_inshop(manual)
    settings = Inshop(validation_share=0)
    inshop.download(tmp_path / "raw", settings)
    archive = manual / "inshop/Img/img.zip"
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(UserError, match=r"img.zip: .* changed since it was checked"):
        inshop.listing(tmp_path / "raw", settings)
    archive.unlink()
    with pytest.raises(UserError, match=r"img.zip: missing"):
        inshop.listing(tmp_path / "raw", settings)
