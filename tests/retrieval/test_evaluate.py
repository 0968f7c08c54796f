"""The evaluate verb on a packed data set and embeddings of a few images."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hardmine.artefacts import Job
from hardmine.datasets import Items, read_items, write_items
from hardmine.errors import UserError
from hardmine.retrieval.evaluate import evaluate

IMAGES = 24
SETTINGS = {"recall_at": [1, 2], "neighbours": 3, "clustering_restarts": 2}


def job_of(tmp_path: Path, roles: str = "both", validation: bool = True, **settings: object) -> Job:
    """A split of 4 validation and 6 test classes with 4 images each, and embeddings near their class."""
    classes = [f"c{number:02d}" for number in range(10) for _ in range(4)]
    splits = ["validation"] * 16 + ["test"] * IMAGES
    own = ["both"] * 16 + [("query", "gallery")[i % 2] if roles == "official" else "both" for i in range(IMAGES)]
    kept = slice(None) if validation else slice(16, None)
    columns = [f"{number}.png" for number in range(40)], classes, splits, own
    write_items(tmp_path / "items.csv", Items(*(column[kept] for column in columns)))
    rng = np.random.default_rng(0)
    labels = np.arange(10).repeat(4)[kept]
    vectors = (rng.standard_normal((10, 5))[labels] * 2 + rng.standard_normal((len(labels), 5))).astype(np.float32)
    tensors = {"rows": np.arange(len(labels)), "embedding": vectors, "level1": vectors[:, :2].copy()}
    save_file(tensors, tmp_path / "embeddings.safetensors")
    where = {"run": "some-run", "seed": 3, "packed": str(tmp_path), "embeddings": str(tmp_path)}
    return Job("plan", "evaluate", str(tmp_path), (), (), {"evaluation": SETTINGS, **settings}, where)


def rows_of(folder: Path, **wanted: object) -> list[dict]:
    values = json.loads((folder / "metrics.json").read_text())["values"]
    return [row for row in values if all(row[key] == value for key, value in wanted.items())]


def test_every_embedding_is_measured_on_both_splits_and_clusters_with_their_spread(tmp_path: Path) -> None:
    evaluate(job_of(tmp_path), tmp_path)
    assert {row["protocol"] for row in rows_of(tmp_path)} == {"all-against-rest"}
    assert {(row["embedding"], row["split"]) for row in rows_of(tmp_path, metric="recall", k=1)} == {
        (name, split) for name in ("embedding", "level1") for split in ("validation", "test")
    }
    starts = rows_of(tmp_path, metric="nmi")
    assert [row["draw"] for row in starts] == [0, 1, 2]
    assert starts[0]["value"] in [row["value"] for row in starts[1:]]
    lists = load_file(tmp_path / "neighbours.safetensors")
    assert lists["queries"].tolist() == list(range(16, 40))
    assert lists["rows"].shape == (IMAGES, 3)
    assert lists["rows"].min() >= 16


def test_a_set_without_validation_classes_is_measured_on_the_test_classes(tmp_path: Path) -> None:
    evaluate(job_of(tmp_path, validation=False), tmp_path)
    assert {row["split"] for row in rows_of(tmp_path)} == {"test"}
    assert load_file(tmp_path / "neighbours.safetensors")["rows"].min() >= 0


def test_official_queries_find_gallery_images_only(tmp_path: Path) -> None:
    evaluate(job_of(tmp_path, roles="official", protocols=["query-gallery"]), tmp_path)
    assert {row["protocol"] for row in rows_of(tmp_path, split="validation")} == {"all-against-rest"}
    assert {row["protocol"] for row in rows_of(tmp_path, split="test")} == {"query-gallery"}
    assert json.loads((tmp_path / "metrics.json").read_text())["counts"]["test_queries"] == IMAGES // 2
    lists = load_file(tmp_path / "neighbours.safetensors")
    assert set(lists["queries"] % 2) == {0}
    assert set(lists["rows"].ravel() % 2) == {1}


def test_drawn_galleries_count_by_their_mean_and_each_is_kept(tmp_path: Path) -> None:
    evaluate(job_of(tmp_path, protocols=["one-gallery-image", "all-against-rest"]), tmp_path)
    drawn = rows_of(tmp_path, metric="map", embedding="embedding")
    assert [row["draw"] for row in drawn] == list(range(11))
    assert drawn[0]["value"] == pytest.approx(np.mean([row["value"] for row in drawn[1:]]))
    assert len({row["value"] for row in drawn[1:]}) > 1
    assert {row["protocol"] for row in rows_of(tmp_path, metric="recall")} == {"all-against-rest"}
    assert load_file(tmp_path / "neighbours.safetensors")["rows"].shape == (IMAGES, 3)


@pytest.mark.parametrize("protocol", ["all-against-rest", "one-gallery-image"])
def test_the_share_of_queries_without_a_match_stands_among_the_values(tmp_path: Path, protocol: str) -> None:
    job = job_of(tmp_path, protocols=[protocol])
    evaluate(job, tmp_path)
    assert not rows_of(tmp_path, metric="without_match")
    items = read_items(tmp_path / "items.csv")
    classes = [*items.classes[:-4], "alone", "lone", *items.classes[-2:]]
    write_items(tmp_path / "items.csv", Items(items.paths, classes, items.splits, items.roles))
    evaluate(job, tmp_path)
    found = rows_of(tmp_path, metric="without_match", embedding="embedding", split="test")
    expected = 2 / 24 if protocol == "all-against-rest" else None
    assert [row["value"] for row in found] == ([expected] if expected else [])
    assert not rows_of(tmp_path, metric="without_match", split="validation")


def test_embeddings_that_are_not_finite_are_named_with_run_seed_and_count(tmp_path: Path) -> None:
    job = job_of(tmp_path)
    tensors = load_file(tmp_path / "embeddings.safetensors")
    tensors["level1"][[2, 30], 0] = np.nan, np.inf
    save_file(tensors, tmp_path / "embeddings.safetensors")
    with pytest.raises(UserError, match=r"run some-run, seed 3: 2 of 40 rows of 'level1'"):
        evaluate(job, tmp_path)
