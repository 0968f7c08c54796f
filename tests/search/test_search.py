import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from search_tools import draw, refused, succeeded

from hardmine.search import updating

INDEXED = ("even/00.png", "odd/07.png")


@pytest.fixture
def index(trained: Path, pictures: Path, tmp_path: Path) -> Path:
    done = succeeded("index", trained, pictures, "-o", tmp_path / "index")
    assert done.endswith("index: 40 images (40 embedded, 0 unchanged, 0 gone, 0 unreadable)\n")
    return tmp_path / "index"


def test_making_an_approximate_index_says_what_it_finds(
    trained: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "it finds" not in succeeded("index", trained, pictures, "-o", tmp_path / "exact")
    monkeypatch.setattr(updating, "recall_of", lambda index, vectors, copies: 0.973)
    shown = succeeded("index", trained, pictures, "-o", tmp_path / "index", "--factory", "IVF8,SQ4")
    assert shown.endswith("\napproximate: it finds 97.3 % of the ten nearest of drawn images; 'Flat' finds all\n")
    hits = json.loads(succeeded("search", tmp_path / "index", pictures / "odd/07.png", "-k", 33, "--json"))[0]["hits"]
    assert len(hits) == 33


def test_a_table_names_rank_similarity_and_image(index: Path, pictures: Path) -> None:
    shown = succeeded("search", index, pictures / "odd/07.png", "-k", 3)
    assert re.search(r"│ +1 │ +1\.000 │ odd/07\.png", shown)
    assert len(re.findall(r"\.png +│", shown)) == 3


def test_json_gives_every_query_with_its_hits(index: Path, pictures: Path) -> None:
    queries = [pictures / name for name in INDEXED]
    answers = json.loads(succeeded("search", index, *queries, "--json", "-k", 4))
    assert [answer["query"] for answer in answers] == [str(query) for query in queries]
    for answer, name in zip(answers, INDEXED, strict=True):
        assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4]
        assert answer["hits"][0]["path"] == name
        assert Path(answer["hits"][0]["file"]) == pictures / name
        assert answer["hits"][0]["similarity"] == pytest.approx(1, abs=1e-5)
        similarities = [hit["similarity"] for hit in answer["hits"]]
        assert similarities == sorted(similarities, reverse=True)


class Page(HTMLParser):
    """Pictures, links and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.tags: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.tags.add(tag)
        self.pictures += [values["src"] or ""] if tag == "img" else []
        self.links += [values["href"] or ""] if tag == "a" else []

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_has_the_pictures_in_itself_and_asks_nobody(index: Path, pictures: Path, tmp_path: Path) -> None:
    target = tmp_path / "pages" / "out.html"
    assert succeeded("search", index, *(pictures / name for name in INDEXED), "--page", target).strip() == str(target)
    page = Page(target)
    assert len(page.pictures) == 2 * 11
    assert all(picture.startswith("data:image/webp;base64,") for picture in page.pictures)
    assert all(link.startswith("file:///") for link in page.links)
    assert not {"script", "link", "iframe"} & page.tags
    assert "2 queries against 40 images" in page.text
    assert "odd/07.png" in page.text


def test_names_with_html_in_them_are_shown_as_they_are(trained: Path, pictures: Path, tmp_path: Path) -> None:
    name = "<script>alert(1)<&>'\".png"
    draw(np.random.default_rng(1)).save(pictures / name.replace("/", ""))
    succeeded("index", trained, pictures, "-o", tmp_path / "index")
    succeeded("search", tmp_path / "index", pictures / name, "--page", tmp_path / "out.html")
    page = Page(tmp_path / "out.html")
    assert name in page.text
    assert "script" not in page.tags


def test_pictures_that_are_gone_or_altered_do_not_stop_the_page_and_are_not_on_it(
    index: Path, pictures: Path, tmp_path: Path
) -> None:
    query = tmp_path / "query.png"
    shutil.copy(pictures / "odd/07.png", query)
    (pictures / "odd/07.png").unlink()
    (pictures / "odd/09.png").write_bytes(b"no picture any more")
    Image.new("CMYK", (30, 20)).save(pictures / "odd/11.png", "TIFF")
    succeeded("search", index, query, "-k", 40, "--page", tmp_path / "out.html")
    page = Page(tmp_path / "out.html")
    assert len(page.pictures) == 41 - 3
    assert page.text.count("not there any more, or altered") == 3


def test_a_query_that_is_no_image_is_refused_by_name(index: Path, pictures: Path) -> None:
    refused("search", index, pictures / "notes.txt", message="notes.txt: cannot be used as an image: cannot identify")
    refused("search", index, pictures / "none.png", message="none.png: there is no such file")
    refused("search", index, pictures, message="pictures: is a folder")
    query = next(pictures.glob("*/*.png"))
    refused("search", index, query, "--page", query, message="is what is read")
    other = next(path for path in pictures.glob("*/*.png") if path != query)
    before = other.read_bytes()
    refused("search", index, query, "--page", other, message="is there and is no page")
    assert other.read_bytes() == before


def test_searching_what_is_no_index_is_refused(pictures: Path) -> None:
    refused("search", pictures, pictures / "odd/07.png", message="holds no index. 'hardmine index MODEL IMAGES -o")


def test_a_model_that_moved_is_given_and_another_one_is_refused(
    index: Path, project: Path, pictures: Path, tmp_path: Path
) -> None:
    content = json.loads((index / "index.json").read_text())
    content["model"]["folder"] = str(tmp_path / "moved")
    (index / "index.json").write_text(json.dumps(content))
    query = pictures / "odd/07.png"
    refused("search", index, query, message="moved: the model of .* is not there. Say where it is with --model")
    assert "odd/07.png" in succeeded("search", index, query, "--model", project / "models/tiny/hdc/seed0")
    other = project / "models/tiny/hdc/seed1"
    refused("search", index, query, "--model", other, message="is not the model that made")


def test_the_commands_say_what_was_left_out_and_strict_fails(
    trained: Path, pictures: Path, index: Path, tmp_path: Path
) -> None:
    (pictures / "broken.jpg").write_text("no picture")
    (pictures / "photo.heic").write_text("")
    shown = succeeded("index", trained, pictures, "-o", index)
    assert "left out: broken.jpg: cannot identify image file\n" in shown
    assert re.search(r"^passed over: .* other endings \(1 .heic, ", shown, re.MULTILINE)
    assert "40 unchanged" in shown or "40 images" in shown
    refused("index", trained, pictures, "-o", index, "--strict", message="1 of 41 images cannot be read")
    refused("index", trained, tmp_path / "none", "-o", tmp_path / "new", message="none: is no folder")
    refused("index", pictures, pictures, "-o", tmp_path / "new", message="pictures: holds no model")
