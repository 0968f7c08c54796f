import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_report import PACKED, Plan, make_report, read_data
from PIL import Image
from safetensors.numpy import load_file

from hardmine.artefacts import Record
from hardmine.figures import page_data
from hardmine.figures import report as report_module
from hardmine.figures.embedding_map import embedding_map
from hardmine.figures.provenance import made_with, mixtures
from hardmine.figures.terminal import print_results

NASTY = [
    '<script>alert("1")</script>',
    "</script><b>",
    "a\"b'c",
    "ö 漢字 🦊 \u2028",
    "<img src=x onerror=alert(2)>",
    "a&b;",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_report(Plan(), tmp_path_factory.mktemp("report"))


class Elements(HTMLParser):
    """Every element's name and attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def unpacked(text: str, width: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=f"<u{width}").astype(np.int64)


def gallery_rows(report: Path) -> np.ndarray:
    """Packed rows of the page's positions, from the neighbours and embeddings themselves."""
    lists = [load_file(path) for path in report.parents[1].glob("metrics/fake/*/seed0/neighbours.safetensors")]
    return np.unique(np.concatenate([one[name].ravel() for one in lists for name in ("queries", "rows")]))


@pytest.mark.parametrize("apart", [False, True], ids=["all against the rest", "queries and gallery apart"])
def test_the_gallery_holds_the_lists_of_the_first_seed(tmp_path: Path, apart: bool) -> None:
    report = make_report(Plan(apart=apart), tmp_path)
    content = read_data(report / "data.js")["gallery"]
    rows = gallery_rows(report)
    for run in Plan.runs:
        written = load_file(tmp_path / f"metrics/fake/{run}/seed0/neighbours.safetensors")
        lists = rows[unpacked(content["lists"][run], content["bytes"])].reshape(-1, content["shown"])
        np.testing.assert_array_equal(lists, written["rows"][:, : content["shown"]])
        np.testing.assert_array_equal(rows[unpacked(content["queries"], content["bytes"])], written["queries"])
    items = pd.read_csv(tmp_path / PACKED / "items.csv")
    classes = np.asarray(content["classes"])[unpacked(content["labels"], content["bytes"])]
    np.testing.assert_array_equal(classes, items["class"].to_numpy()[rows])
    if apart:
        queries, neighbours = (
            set(unpacked(text, content["bytes"])) for text in (content["queries"], content["lists"]["hdc"])
        )
        assert not queries & neighbours


def test_every_picture_is_the_image_of_its_position(report: Path) -> None:
    content = read_data(report / "pictures.js")["pictures"]
    stored = np.load(report.parents[1] / PACKED / "images.npy")
    edge, across = content["edge"], content["across"]
    sheets = [np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet))).convert("L")) for sheet in content["sheets"]]
    for position, row in enumerate(gallery_rows(report)):
        sheet, within = divmod(position, across**2)
        down, right = divmod(within, across)
        tile = sheets[sheet][down * edge : (down + 1) * edge, right * edge : (right + 1) * edge].astype(float)
        assert np.corrcoef(tile.ravel(), stored[row, ..., 0].ravel())[0, 1] > 0.95


def test_charts_hold_the_numbers_of_the_files(report: Path) -> None:
    content = read_data(report / "data.js")
    statistics = pd.read_csv(report / "statistics.csv")
    recall = statistics[statistics.metric == "recall"]
    for run, part in recall.groupby("run"):
        line = content["recalls"][run]
        assert line["x"] == part.k.astype(int).tolist()
        np.testing.assert_allclose(line["y"], 100 * part["mean"], atol=0.006)
        np.testing.assert_allclose(line["half"], 100 * part.half_width, atol=0.006)
    curves = pd.read_csv(report / "curves.csv")
    for run, part in curves.groupby("run"):
        assert content["curves"][run]["x"] == part.images.tolist()
        np.testing.assert_allclose(content["curves"][run]["y"], 100 * part.recall, atol=0.006)


def test_names_from_outside_stay_text(tmp_path: Path) -> None:
    report = make_report(Plan(classes=NASTY, notes={"note": NASTY[0], NASTY[4]: NASTY[1]}), tmp_path)
    for name in ("data.js", "pictures.js"):
        text = (report / name).read_text(encoding="ascii")
        assert not set("<>&") & set(text)
    assert read_data(report / "data.js")["gallery"]["classes"] == sorted(NASTY)
    page = (report / "index.html").read_text(encoding="utf-8")
    parsed = Elements(page)
    assert json.dumps({NASTY[4]: NASTY[1]})[1:-1] in parsed.text
    assert NASTY[0] in parsed.text
    elements = parsed.found
    assert [own.get("src") for tag, own in elements if tag == "script"] == ["data.js", "page.js"]
    assert "b" not in {tag for tag, _ in elements}
    assert [own["src"] for _, own in elements if "onerror" in own] == ["data.js"]


def test_the_page_asks_for_nothing_outside_its_folder(report: Path) -> None:
    for tag, own in Elements((report / "index.html").read_text(encoding="utf-8")).found:
        for name in ("src", "href"):
            address = own.get(name)
            if address and not address.startswith("#") and address != "data:,":
                assert (report / address).exists(), f"{tag} {name}={address}"
    for name in ("index.html", "page.js", "data.js"):
        text = (report / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//\w+\.\w", text), name


def test_queries_without_a_match_stand_beside_recall_wherever_it_stands(
    tmp_path: Path, report: Path, capsys: pytest.CaptureFixture
) -> None:
    lonely = make_report(Plan(without_match=0.123), tmp_path)
    print_results(lonely, test=True)
    shown = {
        "page": (lonely / "index.html").read_text(),
        "table.md": (lonely / "table.md").read_text(),
        "table.tex": (lonely / "table.tex").read_text(),
        "terminal": capsys.readouterr().out,
    }
    for name, text in shown.items():
        assert "without match" in text, name
        assert "12.3" in text, name
        assert "mathbf{12.3" not in text
    for name in ("page", "table.md", "terminal"):
        assert "no other image of their class to find" in " ".join(shown[name].split()), name
    assert "12.3&nbsp;% of the queries have no other image" in shown["page"]
    assert json.loads((lonely / "summary.json").read_text())["test"]["hdc"]["without match"] == 0.123
    assert "without_match" in (lonely / "results.csv").read_text()
    for file in ("index.html", "table.md", "table.tex", "results.csv", "summary.json"):
        assert "without" not in (report / file).read_text().replace("without the files", "").replace("without it", "")


def test_a_missing_seed_is_shown_as_missing(tmp_path: Path) -> None:
    missing = [("hdc", 1, metric) for metric in ("recall", "map@r", "nmi")]
    page = (make_report(Plan(missing=missing), tmp_path) / "index.html").read_text(encoding="utf-8")
    assert page.count('class="missing">2 of 3</td>') == 1


def test_a_seed_whose_value_is_nan_counts_as_missing(tmp_path: Path) -> None:
    unknown = [("hdc", 1, "recall")]
    page = (make_report(Plan(unknown=unknown), tmp_path) / "index.html").read_text(encoding="utf-8")
    assert page.count('class="missing">2 of 3</td>') == 1


def test_a_value_that_is_nan_is_a_dash_and_comes_last(tmp_path: Path) -> None:
    report = make_report(Plan(unknown=[("hdc", seed, "recall") for seed in range(3)]), tmp_path)
    page = (report / "index.html").read_text(encoding="utf-8")
    assert page.count('<td data-value="">–</td>') == 3  # recall at 1, 2 and 4
    assert not re.search(r"\bnan\b", page, re.IGNORECASE)
    content = read_data(report / "data.js")
    assert content["recalls"]["hdc"]["y"] == [None] * 3
    assert [run["name"] for run in content["page"]["runs"]] == ["triplet-semihard", "base", "hdc"]
    assert "nan" not in (report / "table.tex").read_text()
    assert "nan" not in (report / "table.md").read_text()


@pytest.mark.parametrize("plan", [Plan(runs=["only"]), Plan(seeds=[3]), Plan(runs=["only"], seeds=[3])], ids=str)
def test_one_run_or_one_seed_is_enough(tmp_path: Path, plan: Plan) -> None:
    report = make_report(plan, tmp_path)
    content = read_data(report / "data.js")
    assert content["gallery"]["seed"] == plan.seeds[0]
    assert list(content["recalls"]) == list(plan.runs)
    if len(plan.seeds) == 1:
        assert content["recalls"][plan.runs[0]]["half"] == [None] * 3


def test_equal_results_give_equal_bytes(tmp_path: Path, report: Path) -> None:
    again = make_report(Plan(), tmp_path)
    for path in sorted(report.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(report)).read_bytes(), path.name


def test_long_lists_are_shown_in_part_and_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_data, "LIST_BYTES", 2 * 3 * 5 * 20)  # two bytes, three runs, five neighbours, 20 queries
    report = make_report(Plan(), tmp_path)
    content = read_data(report / "data.js")["gallery"]
    assert (content["shown"], content["shown_queries"], content["all_queries"]) == (5, 20, 48)
    assert len(unpacked(content["queries"], content["bytes"])) == 20
    assert "20 of 48 queries, evenly drawn" in (report / "index.html").read_text(encoding="utf-8")


def test_pictures_shrink_until_they_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", rng.integers(0, 255, (40, 96, 96, 3), dtype=np.uint8))
    rows = np.arange(40)
    whole = page_data.pictures(tmp_path, rows)
    size = sum(map(len, whole["sheets"]))
    assert whole["edge"] == 64
    monkeypatch.setattr(page_data, "PICTURE_BYTES", size // 2)
    smaller = page_data.pictures(tmp_path, rows)
    assert smaller["edge"] < 64
    assert sum(map(len, smaller["sheets"])) <= size // 2


def test_the_map_shows_whole_classes_and_keeps_near_what_is_near() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(4), 10)
    vectors = (np.eye(4)[labels] * 50 + rng.normal(size=(40, 4))).astype(np.float32)
    rows = rng.permutation(100)[:40]
    used = np.sort(rows)
    own = labels[np.argsort(rows)]
    found = embedding_map((rows, vectors), used, own)
    assert found["points"] == list(range(40))
    places = np.array([found["x"], found["y"]]).T
    assert places.min() == 0
    assert places.max() == 1000
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.diag(np.full(40, np.inf))
    assert (own[distances.argmin(axis=1)] == own).all()
    assert found == embedding_map((rows, vectors), used, own)


def test_circumstances_that_differ_among_results_are_told() -> None:
    def record(**made_with: str) -> Record:
        return Record({}, {}, {}, {}, made_with)

    alike = {f"models/p/a/seed{seed}": record(torch="2.11", instructions="AVX512", threads="1") for seed in range(3)}
    assert mixtures(alike) == []
    other = alike | {"models/p/b/seed0": record(torch="2.12", instructions="AVX2", threads="2", commit="x")}
    assert [sentence.split(" (")[1] for sentence in mixtures(other)] == ["AVX2, AVX512)", "1, 2)", "2.11, 2.12)"]
    assert mixtures(alike | {"metrics/p/a/seed0": record(torch="2.12", threads="2")}) == []
    assert made_with(other)["torch"] == "2.11; 2.12"


def mapped(vectors: np.ndarray) -> dict[str, list[int]]:
    every = np.arange(len(vectors))
    return embedding_map((every, vectors), every, every % 6)


@pytest.mark.parametrize("value", [0.0, 1e-30, 0.125])
def test_equal_vectors_are_one_point_of_the_map(value: float) -> None:
    vectors = np.full((60, 64), value, np.float32)
    vectors[::2] += np.float32(value * 1e-7)
    found = mapped(vectors)
    assert found["points"] == list(range(60))
    assert set(found["x"]) == set(found["y"]) == {0}


@pytest.mark.parametrize("dimensions", [1, 2, 8])
@pytest.mark.parametrize("different", [2, 3])
def test_a_map_of_few_different_vectors_is_drawn(dimensions: int, different: int) -> None:
    few = np.random.default_rng(2).normal(size=(different, dimensions)).astype(np.float32)
    found = mapped(few[np.arange(60) % different])
    assert max(found["x"]) == 1000


def test_vectors_that_are_no_numbers_are_left_out_of_the_map() -> None:
    vectors = np.random.default_rng(3).normal(size=(60, 8)).astype(np.float32)
    vectors[3, 1], vectors[7, 2] = np.nan, np.inf
    assert mapped(vectors)["points"] == [place for place in range(60) if place not in (3, 7)]
    assert mapped(np.full((60, 8), np.nan, np.float32)) == {"points": [], "x": [], "y": []}


def test_the_run_that_the_page_shows_first_is_chosen_on_validation_and_not_on_test_classes(tmp_path: Path) -> None:
    report = make_report(Plan(reversed_on_test=True), tmp_path)
    text = " ".join(Elements((report / "index.html").read_text()).text.split())
    assert read_data(report / "data.js")["page"]["best"] == "hdc"
    assert list(read_data(report / "data.js")["gallery"]["maps"]) == ["hdc", "base"]
    assert "Use hdc:" in text
    assert re.search(r"hdc has R@1 \d", text)
    assert "the run that the page shows first is the one recommended on validation classes" in text
    assert pd.read_csv(report / "statistics.csv").run.iloc[0] == "base"


def test_the_printed_gallery_is_of_the_run_recommended_on_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Path] = []
    monkeypatch.setattr(report_module, "draw_gallery", lambda lists, packed, folder: drawn.append(lists))
    make_report(Plan(reversed_on_test=True), tmp_path)
    assert [path.parts[2] for path in drawn] == ["hdc"]


def test_without_validation_the_page_says_that_test_values_chose_the_run_it_shows_first(tmp_path: Path) -> None:
    report = make_report(Plan(splits=("test",)), tmp_path)
    text = " ".join(Elements((report / "index.html").read_text()).text.split())
    assert "the highest of them, since nothing was measured on validation classes" in text
