"""Names that are not UTF-8, and what is no image file, as they come from a command line to a terminal of UTF-8."""

import json
import os
import shutil
from pathlib import Path

import pytest
from search_tools import refused, succeeded

from hardmine.foreign import shown

ODD = os.fsdecode(b"caf\xe9.png")
WORDS = r"caf\udce9.png"


@pytest.fixture
def index(trained: Path, pictures: Path, tmp_path: Path) -> Path:
    succeeded("index", trained, pictures, "-o", tmp_path / "index")
    return tmp_path / "index"


@pytest.fixture
def query(pictures: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(pictures / "odd/07.png", tmp_path / ODD))


def test_a_name_is_shown_as_text_that_any_terminal_takes() -> None:
    assert shown(Path("a") / ODD) == f"a/{WORDS}"
    assert shown("ö 漢字.png") == "ö 漢字.png"


def test_a_query_whose_name_is_not_utf_8_is_answered_in_a_table_json_and_a_page(index: Path, query: Path) -> None:
    assert WORDS in succeeded("search", index, query).replace("\n", "")
    (answer,) = json.loads(succeeded("search", index, query, "--json"))
    assert os.fsencode(answer["query"]) == os.fsencode(query)
    assert answer["hits"][0]["path"] == "odd/07.png"
    succeeded("search", index, query, "--page", query.parent / "found.html")
    text = (query.parent / "found.html").read_text(encoding="utf-8")
    assert WORDS in text
    assert "/caf%E9.png" in text


def test_folders_whose_names_are_not_utf_8_are_indexed_and_searched(
    trained: Path, pictures: Path, tmp_path: Path
) -> None:
    odd = os.fsdecode(b"\xe9t\xe9")
    place = tmp_path / odd
    place.mkdir()
    images, model = shutil.copytree(pictures, place / "pictures"), place / "model"
    for arguments in (
        ("export", trained, "-o", model),
        ("index", model, images, "-o", place / "index"),
        ("index", model, images, "-o", place / "index"),
        ("search", place / "index", images / "odd/07.png"),
        ("search", place / "index", images / "odd/07.png", "--json"),
        ("search", place / "index", images / "odd/07.png", "--page", place / "found.html"),
    ):
        succeeded(*arguments)
    assert "/%E9t%E9/pictures/odd/07.png" in (place / "found.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("address", ["http://example.org/a.png", "https://example.org/a.png", "s3://bucket/a.png"])
def test_an_address_as_a_query_is_refused_as_one(tmp_path: Path, address: str) -> None:
    refused("search", tmp_path, address, message=r"a\.png: is an address; .* Download the picture and give the file")


def test_a_folder_as_a_query_is_refused_as_one(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    refused("search", tmp_path, tmp_path / "pictures", message=r"pictures: is a folder; .* such as .*pictures/\*\.jpg")


def test_a_name_that_no_file_can_have_is_refused_wherever_it_is_given(
    index: Path, trained: Path, pictures: Path, tmp_path: Path
) -> None:
    name, query = tmp_path / ("a" * 300), pictures / "odd/07.png"
    refused("search", index, name, message="aaa: there is no such file")
    refused("search", name, query, message="aaa: holds no index")
    refused("search", index, query, "--model", name, message="aaa: the model of .* is not there")
    refused("index", name, pictures, "-o", tmp_path / "new", message="aaa: holds no model")
    refused("index", trained, pictures, "-o", name, message="aaa: cannot be made: File name too long")
    refused("export", name, "-o", tmp_path / "new", message="aaa: holds no model")
