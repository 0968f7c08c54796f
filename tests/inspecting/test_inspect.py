"""The command, from a folder, a list and an index to the page and the tables."""

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from search_tools import draw, refused, succeeded

from hardmine.foreign import from_csv
from hardmine.inspecting.tables import TABLES

MARKUP = "<img src=x onerror=alert(1)>&amp; é"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three classes of eight pictures, copies within and across, and files that are hardly pictures."""
    folder = tmp_path / "images"
    numbers = np.random.default_rng(5)
    for name in ("a", MARKUP, "=1+1"):
        (folder / name).mkdir(parents=True)
        for number in range(8):
            draw(numbers).save(folder / name / f"{number}.png")
    shutil.copy(folder / "a/0.png", folder / "=1+1/copy of a.png")
    Image.new("RGB", (24, 24), (7, 7, 7)).save(folder / "a/black.png")
    draw(numbers).resize((200, 20)).save(folder / "a/long.png")
    draw(numbers).resize((4, 4)).save(folder / "a/small.png")
    (folder / "a/broken.png").write_bytes(b"no picture")
    return folder


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with open(folder / name, newline="", encoding="utf-8") as file:
        return [{key: from_csv(cell) for key, cell in row.items()} for row in csv.DictReader(file)]


def test_a_folder_becomes_tables_in_which_nothing_is_lost(images: Path, trained: Path, tmp_path: Path) -> None:
    said = succeeded("inspect", images, trained, "-o", tmp_path / "report", "--threads", 1)
    assert "images: 28; classes: 3;" in said
    report = tmp_path / "report"
    assert {path.name for path in report.iterdir()} == {"index.html", *TABLES}
    problems = {(row["path"], row["problem"]) for row in table(report, "files.csv")}
    assert problems == {
        ("a/broken.png", "unreadable"),
        ("a/black.png", "constant"),
        ("a/small.png", "tiny"),
        ("a/long.png", "extreme"),
    }
    copies = [row for row in table(report, "duplicates.csv") if row["kind"] == "bytes"]
    assert {row["path"] for row in copies} == {"a/0.png", "=1+1/copy of a.png"}
    assert {(row["classes"], row["splits"]) for row in copies} == {("yes", "no")}
    assert "'=1+1/copy of a.png,'=1+1," in (report / "duplicates.csv").read_text()
    judged = table(report, "labels.csv")
    assert {row["path"] for row in judged} == {
        path.relative_to(images).as_posix() for path in images.rglob("*.png") if path.name != "broken.png"
    }
    assert {row["class"] for row in judged} == {"a", MARKUP, "=1+1"}
    assert [float(row["probability"]) for row in judged] == sorted(float(row["probability"]) for row in judged)
    assert all(row["suggestion"] != row["class"] for row in judged)


def test_equal_files_are_called_so_beside_a_copy_that_was_saved_again(
    images: Path, trained: Path, tmp_path: Path
) -> None:
    Image.open(images / "a/0.png").save(images / "a/again.jpg", quality=95)
    succeeded("inspect", images, trained, "-o", tmp_path / "report", "--threads", 1, "--near", 0.999)
    rows = {row["path"]: row for row in table(tmp_path / "report", "duplicates.csv")}
    kinds = {name: (rows[name]["kind"], rows[name]["like"]) for name in ("a/0.png", "=1+1/copy of a.png")}
    assert kinds == {"a/0.png": ("bytes", "=1+1/copy of a.png"), "=1+1/copy of a.png": ("bytes", "a/0.png")}
    assert (rows["a/again.jpg"]["kind"], rows["a/again.jpg"]["group"]) == ("near", rows["a/0.png"]["group"])
    assert ", the same file as another" in (tmp_path / "report/index.html").read_text()


def test_the_page_escapes_names_and_asks_nobody(images: Path, trained: Path, tmp_path: Path) -> None:
    succeeded("inspect", images, trained, "-o", tmp_path / "report", "--threads", 1)
    page = (tmp_path / "report/index.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;amp; é" in page
    assert set(re.findall(r'(?:src|href)="([^"#]*)', page)) >= {"duplicates.csv", "labels.csv"}
    assert not re.findall(r'(?:src|href)="(?!data:image/webp;base64,|#|\w+\.csv")', page)
    assert "<script" not in page


def test_a_list_brings_splits_and_copies_across_them_are_told(images: Path, trained: Path, tmp_path: Path) -> None:
    names = sorted(path.relative_to(images).as_posix() for path in images.rglob("*.png"))
    with open(images / "list.csv", "w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "class", "split"])
        lines.writerows([name, name.split("/")[0], "test" if "copy" in name else "train"] for name in names)
    succeeded("inspect", images / "list.csv", trained, "-o", tmp_path / "report", "--threads", 1)
    first = table(tmp_path / "report", "duplicates.csv")[0]
    assert (first["group"], first["classes"], first["splits"]) == ("1", "yes", "yes")


def test_an_index_gives_the_same_as_its_folder(images: Path, trained: Path, tmp_path: Path) -> None:
    succeeded("inspect", images, trained, "-o", tmp_path / "one", "--threads", 1)
    succeeded("index", trained, images, "-o", tmp_path / "index", "--threads", 1)
    succeeded("inspect", tmp_path / "index", "-o", tmp_path / "two", "--threads", 1)
    for name in ("duplicates.csv", "labels.csv", "classes.csv", "outliers.csv"):
        assert table(tmp_path / "one", name) == table(tmp_path / "two", name)
    (images / "a/1.png").unlink()
    draw(np.random.default_rng(9)).save(images / "a/2.png")
    said = succeeded("inspect", tmp_path / "index", "-o", tmp_path / "two", "--threads", 1)
    assert "gone or changed since they were indexed: 2" in said
    problems = {row["path"]: row["detail"] for row in table(tmp_path / "two", "files.csv")}
    assert problems["a/2.png"] == "changed since it was indexed"
    assert problems["a/1.png"] == "No such file or directory"
    page = (tmp_path / "two/index.html").read_text()
    assert "a/2.png" in page
    assert not re.search(r'<img[^>]*alt="a/2\.png"', page)
    assert re.search(r'<img[^>]*alt="a/3\.png"', (tmp_path / "one/index.html").read_text())


def test_labels_for_an_index_are_a_list_and_images_without_one_are_compared(
    images: Path, trained: Path, tmp_path: Path
) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, path in enumerate(sorted(images.glob("*/[0-9].png"))):
        shutil.copy(path, flat / f"{number:02d}.png")
    shutil.copy(flat / "00.png", flat / "99.png")
    succeeded("index", trained, flat, "-o", tmp_path / "index", "--threads", 1)
    refused("inspect", tmp_path / "index", "-o", tmp_path / "report", message=r"has no labels: 00\.png")
    lines = "".join(f"./{number:02d}.png,{'xyz'[number // 8]}\n" for number in range(24))
    (tmp_path / "labels.csv").write_text(f"path,class\n{lines}")
    labels = ("--labels", tmp_path / "labels.csv")
    said = succeeded("inspect", tmp_path / "index", *labels, "-o", tmp_path / "report", "--threads", 1)
    assert "Without a label: 1 of 25 images" in said
    assert {row["path"] for row in table(tmp_path / "report", "duplicates.csv")} >= {"00.png", "99.png"}
    assert len(table(tmp_path / "report", "labels.csv")) == 24
    (tmp_path / "labels.csv").write_text("path,class\n00.png,x\nelse.png,y\n")
    refused("inspect", tmp_path / "index", *labels, "-o", tmp_path / "report", message=r"names 1 of 2 .* else\.png")
    (tmp_path / "labels.csv").write_text("path,class\n00.png,x\n00.png,y\n")
    refused("inspect", tmp_path / "index", *labels, "-o", tmp_path / "report", message="line 2 and line 3 both list")
    (tmp_path / "labels.csv").write_text("name;kind\n")
    refused("inspect", tmp_path / "index", *labels, "-o", tmp_path / "report", message="it must be path,class")


def test_a_class_in_two_spellings_is_told_with_its_numbers_of_images(
    images: Path, trained: Path, tmp_path: Path
) -> None:
    assert "two spellings" not in succeeded("inspect", images, trained, "-o", tmp_path / "report", "--threads", 1)
    shutil.copytree(images / "=1+1", images / "Banana")
    (images / "banana").mkdir()
    (images / "Banana/1.png").rename(images / "banana/1.png")
    said = succeeded("inspect", images, trained, "-o", tmp_path / "report", "--threads", 1)
    assert "classes: 5;" in said
    assert "Perhaps one class in two spellings, counted as two: 'Banana' (8) and 'banana' (1)." in said
    assert "Perhaps one class in two spellings" in (tmp_path / "report/index.html").read_text()
    succeeded("index", trained, images, "-o", tmp_path / "index", "--threads", 1)
    assert "'banana' (1)" in succeeded("inspect", tmp_path / "index", "-o", tmp_path / "report", "--threads", 1)


def test_what_cannot_be_looked_at_is_refused_before_anything_is_written(
    images: Path, trained: Path, tmp_path: Path
) -> None:
    output = tmp_path / "report"
    (tmp_path / "empty").mkdir()
    refused("inspect", tmp_path / "empty", trained, "-o", output, message="holds no image")
    refused("inspect", tmp_path / "absent", trained, "-o", output, message="no such folder or list")
    refused("inspect", images, "-o", output, message="a model is needed")
    refused("inspect", images, trained, "-o", output, "--near", 2, message="is no cosine")
    refused("inspect", images, trained, "-o", output, "--labels", images, message="is for an index")
    (images / "list.csv").write_text("path,class\na/0.png,a\na/away.png,a\n")
    refused("inspect", images / "list.csv", trained, "-o", output, message=r"line 3: there is no file .*away\.png")
    (images / "stray.png").write_bytes(b"")
    refused("inspect", images, trained, "-o", output, message="give a list .* instead of the folder")
    splits = tmp_path / "splits"
    for split in ("train", "test"):
        shutil.copytree(images / "a", splits / split / "a")
    refused("inspect", splits, trained, "-o", output, message="look like splits, .* give it instead of the folder")
    succeeded("index", trained, splits, "-o", tmp_path / "index", "--threads", 1)
    refused(
        "inspect", tmp_path / "index", "-o", output, message="look like splits, not classes. Give a list with --lab"
    )
    assert not output.exists()


def test_a_folder_that_is_no_report_is_left_alone(images: Path, trained: Path, tmp_path: Path) -> None:
    (images / "labels.csv").write_text("mine")
    refused("inspect", images, trained, "-o", images, message="is no report of 'hardmine inspect'")
    assert (images / "labels.csv").read_text() == "mine"
    succeeded("inspect", images, trained, "-o", tmp_path / "report", "--threads", 1)
    succeeded("inspect", images, trained, "-o", tmp_path / "report", "--threads", 1)


@pytest.mark.parametrize(
    ("names", "same", "note"),
    [
        (["a/1", "a/2", "a/3"], False, "There is one class"),
        (["a/1", "b/1", "c/1"], False, "Not judged: 3 labels .* 3 classes with one image"),
        (["a/1", "a/2", "b/1", "b/2"], True, "All images are the same picture"),
        (["a/1"], False, "There is one class"),
    ],
)
def test_little_data_gives_a_report_that_says_so(
    names: list[str], same: bool, note: str, trained: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(names):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        draw(np.random.default_rng(0 if same else number)).save(tmp_path / "images" / f"{name}.png")
    said = succeeded("inspect", tmp_path / "images", trained, "-o", tmp_path / "report", "--threads", 1)
    assert re.search(note, said)
    assert re.search(note, (tmp_path / "report/index.html").read_text())
    assert table(tmp_path / "report", "outliers.csv") == []


def test_images_none_of_which_can_be_read_are_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "images/a").mkdir(parents=True)
    (tmp_path / "images/a/1.png").write_bytes(b"no")
    refused("inspect", tmp_path / "images", trained, "-o", tmp_path / "report", message="none of 1 images can be read")
