"""Searches that find nothing, and say so."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from search_tools import refused, succeeded
from serving_tools import app_of
from serving_tools import ask as served

import hardmine
from hardmine.retrieval.open_set import Threshold, choose_thresholds
from hardmine.retrieval.pairs import pairs_of

CARRIED = {"low": 0.5, "high": 0.7, "doubling": 0.5, "images": 40}


@pytest.fixture(scope="module")
def kinds() -> list[list[Image.Image]]:
    """Seventy kinds of pictures, five of each: smooth colours under a little noise."""
    numbers = np.random.default_rng(5)
    found = []
    for _ in range(70):
        base = numbers.integers(0, 256, (4, 4, 3))
        noisy = [np.clip(base + numbers.normal(0, 6, base.shape), 0, 255).astype(np.uint8) for _ in range(5)]
        found.append([Image.fromarray(one).resize((24, 24), Image.Resampling.BICUBIC) for one in noisy])
    return found


@pytest.fixture(scope="module")
def model(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "model"
    succeeded("export", trained, "-o", folder)
    return folder


def carry(model: Path, thresholds: list[Threshold]) -> None:
    config = json.loads((model / "config.json").read_text())
    config["no_match"] = [one.model_dump(mode="json") for one in thresholds]
    (model / "config.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def index(model: Path, kinds: list[list[Image.Image]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of four pictures of twenty kinds; the model carries thresholds that were chosen on forty others."""
    folder = tmp_path_factory.mktemp("index")
    for kind, pictures in enumerate(kinds[:20]):
        (folder / f"pictures/{kind:02d}").mkdir(parents=True)
        for number, picture in enumerate(pictures[:4]):
            picture.save(folder / f"pictures/{kind:02d}/{number}.png")
    others = [picture for pictures in kinds[30:] for picture in pictures]
    pairs = pairs_of(hardmine.load(model).embed(others), np.repeat(np.arange(40), 5))
    carry(model, choose_thresholds(pairs, [0.2, 0.1, 0.05]))
    succeeded("index", model, folder / "pictures", "-o", folder / "index")
    return folder / "index"


def ask(index: Path, *pictures: Image.Image, options: tuple[object, ...] = ()) -> list[dict]:
    for number, picture in enumerate(pictures):
        picture.save(index.parent / f"query{number}.png")
    queries = [index.parent / f"query{number}.png" for number in range(len(pictures))]
    return json.loads(succeeded("search", index, *queries, "--json", *options))


def test_kinds_that_are_not_in_the_index_have_no_match_and_kinds_that_are_do(
    index: Path, kinds: list[list[Image.Image]]
) -> None:
    known = ask(index, *(pictures[4] for pictures in kinds[:20]))
    unknown = ask(index, *(picture for pictures in kinds[20:30] for picture in pictures))
    assert np.mean([answer["match"] for answer in known]) >= 0.8
    assert np.mean([answer["match"] for answer in unknown]) <= 0.2
    for answer in known + unknown:
        assert answer["match"] == (answer["hits"][0]["similarity"] >= answer["threshold"])
        assert len(answer["hits"]) == 10


def test_a_rate_chooses_the_threshold_and_a_similarity_is_taken_as_it_is(
    index: Path, kinds: list[list[Image.Image]]
) -> None:
    limits = [
        ask(index, kinds[0][4], options=("--false-match-rate", rate))[0]["threshold"] for rate in (0.2, 0.1, 0.05)
    ]
    assert limits == sorted(limits)
    assert limits[0] < limits[2]
    assert ask(index, kinds[0][4])[0]["threshold"] == limits[2]
    (given,) = ask(index, kinds[0][4], options=("--threshold", 0.25))
    assert (given["threshold"], given["match"]) == (0.25, True)
    refused("search", index, index.parent / "query0.png", "--false-match-rate", 0.3, message=r"thresholds for 0\.2, 0")
    refused("search", index, index.parent / "query0.png", "--false-match-rate", 0.1, "--threshold", 0, message="one of")


def test_terminal_and_page_say_no_match_and_where_the_line_is(
    index: Path, kinds: list[list[Image.Image]], tmp_path: Path
) -> None:
    query = tmp_path / "query.png"
    kinds[0][4].save(query)
    printed = succeeded("search", index, query)
    assert "query.png: no match" not in " ".join(printed.split())
    assert "5 % of the searches for what is not among 80 images" in " ".join(printed.split())
    assert "no match" in succeeded("search", index, query, "--threshold", 1)
    succeeded("search", index, query, "--page", tmp_path / "page.html", "--threshold", 1)
    page = (tmp_path / "page.html").read_text()
    assert "<strong>no match</strong>" in page
    assert "A match has 1.000 or more: as given." in page
    assert page.count('class="below"') == 10


def test_the_page_to_search_with_takes_the_models_threshold_too(index: Path, kinds: list[list[Image.Image]]) -> None:
    (expected,) = ask(index, kinds[0][4])
    app, about = app_of(index), served(app_of(index), "/about").json
    assert about["threshold"] == expected["threshold"]
    assert "5 % of the searches" in about["reason"]
    reply = served(app, "/search?k=10", (index.parent / "query0.png").read_bytes()).json
    assert reply == {**expected, "query": "upload"}
    assert served(app_of(index, 0.25), "/about").json["reason"] == "as given"
    refused("serve", index, "--port", 0, "--false-match-rate", 0.3, message=r"thresholds for 0\.2, 0")


def test_a_model_without_thresholds_decides_nothing(index: Path, model: Path, kinds: list[list[Image.Image]]) -> None:
    carried = (model / "config.json").read_text()
    try:
        carry(model, [])
        (answer,) = ask(index, kinds[0][4])
        assert (answer["threshold"], answer["match"]) == (None, None)
        refused("search", index, index.parent / "query0.png", "--false-match-rate", 0.1, message="carries no threshold")
    finally:
        (model / "config.json").write_text(carried)


@pytest.mark.parametrize("wrong", [{"rate": 2}, {"value": float("nan")}, {"doubling": -1}, {"images": 0}, {"extra": 1}])
def test_thresholds_that_cannot_be_are_refused(model: Path, tmp_path: Path, wrong: dict) -> None:
    config = json.loads((model / "config.json").read_text())
    config["no_match"] = [{"rate": 0.1, "value": 0.6, **CARRIED, **wrong}]
    for name in ("model.safetensors", "README.md"):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config))
    refused("index", tmp_path, tmp_path, "-o", tmp_path / "index", message=f"no_match.*{next(iter(wrong))}")
