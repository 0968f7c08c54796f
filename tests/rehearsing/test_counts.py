import re
from pathlib import Path

import numpy as np
import pytest

from hardmine.errors import UserError
from hardmine.methods.ccl.attributes import attributes_of
from hardmine.rehearsing.counts import counts_of, made_items
from hardmine.settings.datasets import DATASETS

TABLE = (Path(__file__).parents[2] / "docs/datasets.md").read_text()


def dataset(name: str, **keys: object):
    return DATASETS.settings(name).model_validate({"name": name, **keys})


def documented(name: str) -> list[tuple[int, ...]]:
    """The numbers in the columns of training and of test of a row of the table in the docs."""
    row = next(line for line in TABLE.splitlines() if line.startswith(f"| `{name}` |"))
    return [
        tuple(int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", cell)) for cell in row.split("|")[2:4]
    ]


@pytest.mark.parametrize("name", ["cub200", "cars196", "products", "grocery"])
def test_counts_are_those_of_the_docs(name: str) -> None:
    counts, source = counts_of(dataset(name, validation_share=0))
    assert [counts["train"], counts["test"]] == documented(name)
    assert source == "published"


def test_counts_of_the_other_sets_are_those_of_the_docs() -> None:
    train, test = documented("inshop")
    counts, _ = counts_of(dataset("inshop", validation_share=0))
    assert (counts["train"], (counts["query"][0], counts["gallery"][0], counts["query"][1])) == (train, test)
    for split, place in (("small", 0), ("full", 2)):
        counts, _ = counts_of(dataset("omniglot", split=split, validation_share=0))
        found = [documented("omniglot")[side][place : place + 2] for side in (0, 1)]
        assert [counts["train"], counts["test"]] == found
    train, test = documented("vehicleid")
    for place, vehicles in enumerate((800, 1600, 2400, 3200)):
        counts, _ = counts_of(dataset("vehicleid", test_list=vehicles, validation_share=0))
        assert counts["train"] == train
        assert counts["test"] == test[2 * place : 2 * place + 2]


def test_the_share_for_validation_leaves_training() -> None:
    counts, _ = counts_of(dataset("cub200", validation_share=0.2))
    assert counts["validation"][1] == 20
    assert counts["train"][1] == 80
    assert counts["train"][0] + counts["validation"][0] == 5864


def test_own_pictures_are_counted_by_what_is_given_or_refused() -> None:
    with pytest.raises(UserError, match="--images 12000 --classes 300"):
        counts_of(dataset("folder", path="pictures"))
    with pytest.raises(UserError, match="two images each"):
        counts_of(dataset("folder", path="pictures"), 10, 8)
    counts, _ = counts_of(dataset("folder", path="pictures", test_share=0.3), 1000, 100)
    assert {split: classes for split, (_, classes) in counts.items()} == {"train": 56, "validation": 14, "test": 30}
    assert sum(images for images, _ in counts.values()) == 1000
    stated = {"train": [30, 5], "test": [20, 4]}
    assert counts_of(dataset("folder", path="p", counts=stated, validation_share=0))[0] == {
        "train": (30, 5),
        "test": (20, 4),
    }


def test_a_made_list_holds_what_was_asked_for() -> None:
    items = made_items({"train": (11, 4), "query": (6, 3), "gallery": (7, 3)})
    assert len(items.rows("train")) == 11
    assert np.bincount(items.labels(items.rows("train"))).tolist() == [3, 3, 3, 2]
    assert len(set(items.labels(items.rows("test")))) == 3
    assert items.roles.count("query") == 6
    assert items.roles.count("gallery") == 7
    assert len(set(items.paths)) == 24


def test_made_classes_have_attributes_as_letters_have() -> None:
    items = made_items({"train": (24, 24)})
    for kind in ("script", "base-letter"):
        found = attributes_of(items.paths, kind)
        assert 1 < len(set(found.tolist())) < 12
