"""The command: formats and layouts, sources of images and labels, what it refuses, what it says, its page."""

import csv
import json
import os
import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from search_tools import draw, refused, succeeded

from hardmine.offline import writing
from hardmine.offline.labelled import label_numbers
from hardmine.offline.mining import mine
from hardmine.offline.page import write_page
from hardmine.offline.rules import Rules
from hardmine.offline.sources import from_index
from hardmine.search import changes, speaking
from hardmine.search.model import load_model


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def report_of(path: Path) -> dict[tuple[str, str], str]:
    return {(row["of"], row["what"]): row["value"] for row in rows_of(path)}


def write_list(path: Path, lines: list[str], head: str = "path,class") -> Path:
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


@pytest.fixture
def index(trained: Path, pictures: Path, tmp_path: Path) -> Path:
    succeeded("index", trained, pictures, "-o", tmp_path / "index")
    return tmp_path / "index"


def test_a_folder_and_its_index_give_the_same_and_scores_are_those_of_the_model(
    trained: Path, pictures: Path, index: Path, tmp_path: Path
) -> None:
    said = succeeded("mine", trained, pictures, "-o", tmp_path / "a.csv", "--scores", "--negatives", 3)
    assert said.endswith("a.csv: 120 rows (anchor, positive, negative, score)\n")
    succeeded("mine", index, "-o", tmp_path / "b.csv", "--scores", "--negatives", 3)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    model = load_model(trained)
    rows = rows_of(tmp_path / "a.csv")
    for row in rows[::17]:
        anchor, positive, negative = model.embed([row["anchor"], row["positive"], row["negative"]])
        assert json.loads(row["score"]) == pytest.approx([anchor @ positive, anchor @ negative], abs=1e-5)
        assert Path(row["anchor"]).parent == Path(row["positive"]).parent != Path(row["negative"]).parent
    found = model.embed_folder(pictures)
    similar = found.vectors @ found.vectors.T
    odd = np.array([name.startswith("odd") for name in found.names])
    similar[odd[:, None] == odd] = -2
    assert Path(rows[0]["negative"]) == pictures / found.names[int(similar[0].argmax())]


def test_every_format_holds_the_same_rows(index: Path, tmp_path: Path) -> None:
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        succeeded("mine", index, "-o", tmp_path / name, "--scores")
    table = pq.read_table(tmp_path / "t.parquet").to_pylist()
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert table == lines
    assert [row | {"score": json.loads(row["score"])} for row in rows_of(tmp_path / "t.csv")] == lines
    succeeded("mine", index, "-o", tmp_path / "odd.ending", "--format", "jsonl", "--scores")
    assert (tmp_path / "odd.ending").read_text() == (tmp_path / "t.jsonl").read_text()


def test_layouts_are_those_that_sentence_transformers_documents(index: Path, tmp_path: Path) -> None:
    """It takes columns in their order; ``label`` or ``score`` by name, so that one of them at most may be there."""
    target = tmp_path / "t.parquet"
    expected = {
        ("triplets",): ["anchor", "positive", "negative"],
        ("triplets", "--scores"): ["anchor", "positive", "negative", "score"],
        ("n-tuples",): ["anchor", "positive", "negative_1", "negative_2", "negative_3"],
        ("n-tuples", "--scores"): ["anchor", "positive", "negative_1", "negative_2", "negative_3", "score"],
        ("pairs",): ["anchor", "other", "label"],
        ("pairs", "--scores"): ["anchor", "other", "score"],
    }
    tables = {}
    for options, columns in expected.items():
        succeeded("mine", index, "-o", target, "--negatives", 3, "--as", *options)
        tables[options] = pq.read_table(target)
        assert tables[options].column_names == columns
    assert [tables[options].num_rows for options in expected] == [120, 120, 40, 40, 160, 160]
    assert tables["n-tuples", "--scores"].schema.field("score").type.value_type == "double"
    assert len(tables["n-tuples", "--scores"]["score"][0]) == 4
    tuples, triplets = tables["n-tuples",].to_pylist(), tables["triplets",].to_pylist()
    assert [tuples[1][f"negative_{n}"] for n in (1, 2, 3)] == [row["negative"] for row in triplets[3:6]]
    assert tables["pairs",]["label"].to_pylist() == [1, 0, 0, 0] * 40
    assert tables["pairs",]["other"][0].as_py() == triplets[0]["positive"]


def test_the_table_of_images_is_what_open_metric_learning_reads(index: Path, pictures: Path, tmp_path: Path) -> None:
    """Columns label (a number), path, split; is_query and is_gallery are empty in training and true in validation."""
    names = sorted(f"{path.parent.name}/{path.name}" for path in pictures.glob("*/*.png"))
    splits = ["train" if number % 4 < 2 else "test" for number in range(40)]
    lines = [f"{name},{name.split('/')[0]},{split}" for name, split in zip(names, splits, strict=True)]
    labels = write_list(tmp_path / "labels.csv", lines, "path,class,split")
    succeeded("mine", index, labels, "-o", tmp_path / "t.csv", "--split", "all", "--relative")
    table = pd.read_csv(tmp_path / "t.images.csv")
    assert {"label", "path", "split", "is_query", "is_gallery"} <= set(table.columns)
    assert table["label"].dtype == int
    assert set(table["split"]) == {"train", "validation"}
    train = table["split"] == "train"
    assert table["is_query"][train].isna().all()
    assert table["is_gallery"][train].isna().all()
    assert (table["is_query"][~train] == True).all()  # noqa: E712
    assert table["path"].tolist() == names
    assert table["as_negative"].sum() == len(rows_of(tmp_path / "t.csv")) == 200
    succeeded("mine", index, labels, "-o", tmp_path / "t.csv", "--relative")
    wanted = {name for name, split in zip(names, splits, strict=True) if split == "train"}
    assert {row["negative"] for row in rows_of(tmp_path / "t.csv")} <= wanted
    assert report_of(tmp_path / "t.report.csv")["images", "left out: of other splits"] == "20"
    refused("mine", index, labels, "-o", tmp_path / "t.csv", "--split", "val", message="its splits: test, train")


def test_the_report_says_what_was_kept_and_skipped_and_why(trained: Path, pictures: Path, tmp_path: Path) -> None:
    (pictures / "lonely").mkdir()
    draw(np.random.default_rng(9)).save(pictures / "lonely/one.png")
    (pictures / "odd/broken.png").write_bytes(b"no picture")
    shutil.copy(pictures / "odd/01.png", pictures / "even/=copy.png")
    said = succeeded("mine", trained, pictures, "-o", tmp_path / "t.csv", "--relative", "--positive", "nearest")
    report = report_of(tmp_path / "t.report.csv")
    assert report["images", "read"] == "42"
    assert report["images", "left out: unreadable"] == "1"
    assert report["anchors", "kept"] == "41"
    assert report["anchors", "skipped: the only image of its class"] == "1"
    copies = "not taken: equal to the anchor or to an image of its class: mislabelled, or in two classes"
    assert int(report["candidates", copies]) == 20 + 21  # one for each anchor of both classes
    assert "the only image of its class" in said
    skipped = {row["path"]: row["why"] for row in rows_of(tmp_path / "t.skipped.csv")}
    assert skipped.keys() == {"odd/broken.png", "lonely/one.png"}
    assert skipped["odd/broken.png"].startswith("unreadable: ")
    for row in rows_of(tmp_path / "t.csv"):
        assert {"odd/01.png", "even/=copy.png"} != {row["anchor"], row["negative"]}
    refused("mine", trained, pictures, "-o", tmp_path / "s.csv", "--strict", message=r"1 of 43 images cannot be read")


def test_what_is_passed_over_in_a_folder_is_said_as_when_it_is_indexed(
    trained: Path, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "odd/01.png").rename(pictures / "odd/01.heic")
    said = succeeded("mine", trained, pictures, "-o", tmp_path / "t.csv").splitlines()
    (line,) = [line for line in said if line.startswith("passed over: ")]
    assert "2 with other endings (1 .heic, 1 .txt)" in line
    assert line in succeeded("index", trained, pictures, "-o", tmp_path / "index").splitlines()
    labels = write_list(pictures / "labels.csv", [f"odd/{number:02d}.png,{number % 4}" for number in range(3, 20, 2)])
    assert "passed over" not in succeeded("mine", trained, labels, "-o", tmp_path / "t.csv")


def test_paths_of_an_index_start_where_the_command_ran_if_the_pictures_lie_below(
    trained: Path, pictures: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    for place, start in ((tmp_path, "pictures/"), (tmp_path / "link", "pictures/"), (pictures, "./")):
        monkeypatch.chdir(place)
        succeeded("mine", index, "-o", tmp_path / "a.csv", "--page", tmp_path / "a.html")
        succeeded("mine", trained, start, "-o", tmp_path / "b.csv", "--page", tmp_path / "b.html")
        for name in ("csv", "images.csv", "html"):
            assert (tmp_path / f"a.{name}").read_bytes() == (tmp_path / f"b.{name}").read_bytes()
        anchors = {row["anchor"] for row in rows_of(tmp_path / "a.csv")}
        assert all(re.match(rf"{re.escape(start)}(odd|even)/", anchor) and Path(anchor).is_file() for anchor in anchors)
    monkeypatch.chdir(tmp_path / "elsewhere")
    succeeded("mine", index, "-o", tmp_path / "a.csv")
    assert all(row["anchor"].startswith(f"{pictures}/") for row in rows_of(tmp_path / "a.csv"))


def test_paths_that_a_spreadsheet_would_run_still_open(trained: Path, pictures: Path, tmp_path: Path) -> None:
    (pictures / "odd").rename(pictures / "=odd")
    succeeded("mine", trained, pictures, "-o", tmp_path / "t.csv", "--relative")
    named = {row["positive"] for row in rows_of(tmp_path / "t.csv") if "odd" in row["positive"]}
    assert named
    assert all(name.startswith("./=odd/") and (pictures / name).is_file() for name in named)
    assert {row["class"] for row in rows_of(tmp_path / "t.images.csv")} == {"even", "'=odd"}


def test_names_that_are_not_utf8_go_into_csv_and_json_and_are_named_for_parquet(
    trained: Path, pictures: Path, tmp_path: Path
) -> None:
    odd = Path(str(pictures / "odd") + "/\udcff.png")
    draw(np.random.default_rng(1)).save(odd.with_name("x.png"))
    odd.with_name("x.png").rename(odd)
    succeeded("mine", trained, pictures, "-o", tmp_path / "t.jsonl", "--positives", 40)
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert any(Path(line["anchor"]) == odd for line in lines)
    succeeded("mine", trained, pictures, "-o", tmp_path / "t.csv", "--positives", 40)
    assert b"\xff.png" in (tmp_path / "t.csv").read_bytes()
    refused(
        "mine", trained, pictures, "-o", tmp_path / "t.parquet", message=r"\\udcff.png: has a name that is not UTF-8"
    )
    assert not (tmp_path / "t.parquet").exists()


def test_nothing_is_lost_where_no_negative_is_left(index: Path, tmp_path: Path) -> None:
    target = tmp_path / "t.csv"
    succeeded("mine", index, "-o", target)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("t.*")}
    assert len(before) == 4
    refused("mine", index, "-o", target, "--max-score", -1, message="no negative is left for any of 40 anchors")
    refused(
        *("mine", index, "-o", target, "--as", "n-tuples", "--negatives", 25, "--ranks", "1-90"),
        message="no anchor has 25 negatives left; the most is 20",
    )
    assert before == {path.name: path.read_bytes() for path in tmp_path.glob("t.*")}
    assert not list(tmp_path.glob(".*.tmp*"))


def test_tuples_leave_out_anchors_with_too_few_negatives_and_say_so(index: Path, tmp_path: Path) -> None:
    model = ("mine", index, "-o", tmp_path / "t.csv", "--negatives", 3, "--min-score")
    succeeded(*model, -1, "--scores", "--as", "pairs")
    scores = sorted(float(row["score"]) for row in rows_of(tmp_path / "t.csv"))
    succeeded(*model, scores[len(scores) // 2], "--as", "n-tuples")
    report = report_of(tmp_path / "t.report.csv")
    short = int(report["anchors", "skipped: fewer than 3 negatives left"])
    assert short > 0
    assert int(report["anchors", "kept"]) == len(rows_of(tmp_path / "t.csv")) < 40
    why = [row["why"] for row in rows_of(tmp_path / "t.skipped.csv")]
    assert sum("fewer than 3" in one for one in why) == short
    assert len(why) + int(report["anchors", "kept"]) == 40


@pytest.mark.parametrize("strategy", ["classes", "spheres"])
def test_every_strategy_writes_rows(index: Path, tmp_path: Path, strategy: str) -> None:
    succeeded("mine", index, "-o", tmp_path / "t.csv", "--strategy", strategy, "--pick", "random", "--seed", 3)
    assert rows_of(tmp_path / "t.csv")


def test_a_list_gives_labels_to_a_flat_index_and_leaves_others_out(trained: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for number in range(12):
        draw(np.random.default_rng(number)).save(flat / f"{number}.png")
    succeeded("index", trained, flat, "-o", tmp_path / "index")
    target = tmp_path / "t.csv"
    refused(
        "mine", tmp_path / "index", "-o", target, message=r"has no labels: 0.png, 1.png, 10.png and 9 more lies in no"
    )
    labels = write_list(tmp_path / "labels.csv", [f"{number}.png,{number % 3}" for number in range(9)])
    succeeded("mine", tmp_path / "index", labels, "-o", target)
    assert report_of(tmp_path / "t.report.csv")["images", "left out: not in the list"] == "3"
    write_list(labels, ["0.png,a", "none.png,b", "2.png,a"])
    refused(
        "mine", tmp_path / "index", labels, "-o", target, message=r"1 of 3 lines name images .* none.png \(line 3\)"
    )
    write_list(labels, ["0.png,a", "0.png,b"])
    refused("mine", tmp_path / "index", labels, "-o", target, message="line 2 and line 3 both list 0.png")
    write_list(labels, ["0.png,a"], "image,label")
    refused("mine", tmp_path / "index", labels, "-o", target, message="must be path,class or path,class,split")
    write_list(labels, ["0.png,"])
    refused("mine", tmp_path / "index", labels, "-o", target, message="line 2: '0.png,' must have 2 cells")
    refused("mine", tmp_path / "index", flat, "-o", target, message="is no file.* is an index and has its images")


def test_a_list_beside_the_images_is_mined_under_a_model(trained: Path, pictures: Path, tmp_path: Path) -> None:
    names = sorted(f"{path.parent.name}/{path.name}" for path in pictures.glob("*/*.png"))[:30]
    labels = write_list(pictures / "labels.csv", [f"{name},{number % 5}" for number, name in enumerate(names)])
    succeeded("mine", trained, labels, "-o", tmp_path / "t.csv", "--relative")
    rows = rows_of(tmp_path / "t.csv")
    place = {name: number % 5 for number, name in enumerate(names)}
    assert all(place[row["anchor"]] == place[row["positive"]] != place[row["negative"]] for row in rows)
    before = labels.read_bytes()
    refused("mine", trained, labels, "-o", labels, message="labels.csv: is what is read")
    refused("mine", trained, labels, "-o", pictures / "x" / ".." / "labels.csv", message="is what is read")
    (tmp_path / "t.html").symlink_to(tmp_path / "t.csv")
    refused("mine", trained, labels, "-o", tmp_path / "t.csv", "--page", tmp_path / "t.html", message="written twice")
    assert labels.read_bytes() == before


def test_folders_that_cannot_be_mined_are_refused_with_what_to_do(trained: Path, tmp_path: Path) -> None:
    place, target = tmp_path / "images", tmp_path / "t.csv"
    refused("mine", trained, place, "-o", target, message="there is no such folder or list")
    place.mkdir()
    refused("mine", trained, place, "-o", target, message="holds no image file")
    (place / "a").mkdir()
    for number in range(3):
        Image.new("RGB", (24, 24), "red").save(place / "a" / f"{number}.png")
    refused("mine", trained, place, "-o", target, message="all images are of one class")
    (place / "b").mkdir()
    Image.new("RGB", (24, 24), "red").save(place / "b/0.png")
    refused("mine", trained, place, "-o", target, message="all 4 images have one and the same vector")
    shutil.rmtree(place / "a")
    (place / "train").mkdir()
    (place / "b").rename(place / "test")
    refused("mine", trained, place, "-o", target, message="look like splits, not classes")
    (place / "test/0.png").write_bytes(b"")
    (place / "test").rename(place / "c")
    refused("mine", trained, place, "-o", target, message="1 of 1 images cannot be read:\n  c/0.png")
    refused("mine", trained, "-o", target, message="is no index, so the images are missing")
    refused("mine", tmp_path / "no-model", place, "-o", target, message="holds no model")
    assert not target.exists()


def test_a_class_in_two_spellings_is_refused_as_by_a_plan(trained: Path, pictures: Path, tmp_path: Path) -> None:
    (pictures / "Odd").mkdir()
    (pictures / "odd/01.png").rename(pictures / "Odd/01.png")
    target = tmp_path / "t.csv"
    message = (
        r"a class has two spellings.*\n  'Odd' \(a folder, 1 image, first 'Odd/01.png'\) and 'odd' .*\n.* in a list"
    )
    refused("mine", trained, pictures, "-o", target, message=message)
    succeeded("index", trained, pictures, "-o", tmp_path / "index")
    refused("mine", tmp_path / "index", "-o", target, message=message)
    names = sorted(f"{path.parent.name}/{path.name}" for path in pictures.glob("*/*.png"))
    labels = write_list(tmp_path / "labels.csv", [f"{name},{'No. 1' if 'e' in name else 'no. 1'}" for name in names])
    refused("mine", tmp_path / "index", labels, "-o", target, message=r"'No. 1' \(line \d+, 20 images")
    write_list(labels, [f"{name},{name.split('/')[0].replace('Odd', 'strange')}" for name in names])
    succeeded("mine", tmp_path / "index", labels, "-o", target)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--as", "quadruples"], "allowed: pairs, triplets, n-tuples"),
        (["--strategy", "nearst"], r"did you mean 'nearest'\?.*allowed: nearest, classes, spheres"),
        (["--positive", "best"], "allowed: nearest, hardest, random"),
        (["--pick", "all"], "allowed: top, random"),
        (["--ranks", "9-3"], "write 3-9"),
        (["--format", "xlsx"], "allowed: parquet, csv, jsonl"),
        (["-o", "t.xlsx"], "its ending names no format"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: list[str], message: str, tmp_path: Path) -> None:
    refused("mine", tmp_path, tmp_path, "-o", tmp_path / "t.csv", *options, message=message)


def test_without_a_library_for_parquet_the_other_formats_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(Exception, match=r"pip install pyarrow\. CSV and JSON Lines need"):
        writing.format_of(Path("t.parquet"), None)
    assert writing.format_of(Path("t.ndjson"), None) == "jsonl"


class Page(HTMLParser):
    """Pictures, tags, addresses and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.pictures += [dict(attributes)["src"] or ""] if tag == "img" else []

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_anchors_positives_negatives_and_scores(index: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    succeeded("mine", index, "-o", tmp_path / "t.csv", "--page", page, "--page-anchors", 40, "--scores")
    seen = Page(page)
    assert seen.tags.count("section") == 40
    assert len(seen.pictures) == 40 * 7
    assert all(picture.startswith("data:image/webp;base64,") for picture in seen.pictures)
    assert "script" not in seen.tags
    row = rows_of(tmp_path / "t.csv")[0]
    assert f"{json.loads(row['score'])[1]:.3f}" in seen.text
    assert "Hard examples of pictures" in seen.text


def test_a_picture_altered_while_it_was_mined_is_not_on_the_page(index: Path, pictures: Path, tmp_path: Path) -> None:
    found = from_index(index, None, None, False, 1, lambda done, total: None)
    mined = mine(found.vectors, label_numbers(found.labelled.images)[0], Rules())
    (pictures / "even/00.png").write_bytes((pictures / "odd/01.png").read_bytes())
    write_page(tmp_path / "page.html", found, mined, [], 40)
    seen = Page(tmp_path / "page.html")
    assert seen.text.count("not there any more, or altered") >= 1
    assert len(seen.pictures) + seen.text.count("not there any more, or altered") == 40 * 7


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_desktop_and_phone_and_asks_nobody(index: Path, tmp_path: Path, width: int) -> None:
    from playwright.sync_api import sync_playwright

    page, requests = tmp_path / "page.html", list[str]()
    succeeded("mine", index, "-o", tmp_path / "t.csv", "--page", page, "--page-anchors", 2)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        seen = browser.new_page(viewport={"width": width, "height": 900})
        seen.on("request", lambda request: requests.append(request.url))
        seen.goto(page.as_uri())
        seen.click("summary")
        assert seen.evaluate("document.documentElement.scrollWidth") == width
        assert all(seen.evaluate("[...document.images].map(i => i.complete && i.naturalWidth)"))
        browser.close()
    assert [one for one in requests if not one.startswith("data:")] == [page.as_uri()]


def test_it_says_how_far_it_is(trained: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "_SECONDS", 0)
    said = succeeded("mine", trained, pictures, "-o", tmp_path / "t.csv")
    assert re.search(r"^read 40 of 40 images, [\d,]+ a second$", said, re.MULTILINE)
    assert re.search(r"^mined 40 of 40 anchors, [\d,]+ a second$", said, re.MULTILINE)


def test_an_index_with_unreadable_pictures_tells_them(trained: Path, pictures: Path, tmp_path: Path) -> None:
    (pictures / "odd/broken.png").write_bytes(b"no picture")
    succeeded("index", trained, pictures, "-o", tmp_path / "index")
    succeeded("mine", tmp_path / "index", "-o", tmp_path / "t.csv")
    assert [row["path"] for row in rows_of(tmp_path / "t.skipped.csv")] == ["odd/broken.png"]
    message = "1 of 41 images cannot be read:\n  odd/broken.png: "
    refused("mine", tmp_path / "index", "-o", tmp_path / "t.csv", "--strict", message=message)


def test_pictures_of_an_index_that_are_gone_changed_or_moved_are_left_out_and_named(
    trained: Path, pictures: Path, index: Path, tmp_path: Path
) -> None:
    (pictures / "odd/01.png").unlink()
    draw(np.random.default_rng(9)).save(pictures / "odd/03.png")
    (pictures / "odd/05.png").rename(pictures / "even/05.png")
    os.utime(pictures / "odd/07.png")  # looks otherwise, is the same
    said = succeeded("mine", index, "-o", tmp_path / "t.csv", "--relative", "--positives", 40)
    altered = {"odd/01.png", "odd/03.png", "odd/05.png"}
    assert "gone or changed since they were indexed: 3 of 40 images (odd/01.png, odd/03.png, odd/05.png)" in said
    skipped = {row["path"]: row["why"] for row in rows_of(tmp_path / "t.skipped.csv")}
    assert skipped == {
        "odd/01.png": "not as it was indexed: No such file or directory",
        "odd/03.png": "not as it was indexed: changed since it was indexed",
        "odd/05.png": "not as it was indexed: No such file or directory",
    }
    assert report_of(tmp_path / "t.report.csv")["images", "left out: gone or changed since they were indexed"] == "3"
    images = {row["path"] for row in rows_of(tmp_path / "t.images.csv")}
    assert len(images) == 37
    assert "odd/07.png" in images
    assert not altered & images
    written = {cell for row in rows_of(tmp_path / "t.csv") for cell in row.values()}
    assert written == images
    message = r"3 of 40 images are gone or changed .* run 'hardmine index' again:\n  odd/01.png: "
    refused("mine", index, "-o", tmp_path / "t.csv", "--strict", message=message)
    succeeded("index", trained, pictures, "-o", index)
    assert "changed since" not in succeeded("mine", index, "-o", tmp_path / "t.csv", "--strict")


def test_of_files_that_look_as_they_were_indexed_none_is_read(
    trained: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.sleep(2.1)  # until their times tell of any further change
    succeeded("index", trained, pictures, "-o", tmp_path / "index")
    monkeypatch.setattr(changes, "read_picture", lambda path: pytest.fail(f"{path} was read"))
    succeeded("mine", tmp_path / "index", "-o", tmp_path / "t.csv", "--strict")


def test_an_index_whose_pictures_are_away_is_mined_and_that_is_said(
    pictures: Path, index: Path, tmp_path: Path
) -> None:
    pictures.rename(tmp_path / "away")
    said = succeeded("mine", index, "-o", tmp_path / "t.csv", "--relative")
    assert "pictures: the folder of the index's images is not there; nothing tells whether" in said
    assert len(rows_of(tmp_path / "t.csv")) == 200
    refused("mine", index, "-o", tmp_path / "t.csv", "--strict", message=r"is not there \(--strict\)")
    pictures.mkdir()
    refused("mine", index, "-o", tmp_path / "t.csv", message="40 of 40 images are gone or changed")


def test_names_and_classes_are_escaped_on_the_page(trained: Path, pictures: Path, tmp_path: Path) -> None:
    (pictures / "odd").rename(pictures / "<img src=x onerror=alert(1)>")
    succeeded("mine", trained, pictures, "-o", tmp_path / "t.csv", "--page", tmp_path / "page.html")
    seen = Page(tmp_path / "page.html")
    assert "<img src=x onerror=alert(1)>" in seen.text
    assert "x" not in seen.pictures
