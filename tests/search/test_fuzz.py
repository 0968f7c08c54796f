"""Damaged files of models and indexes, of every kind: a clear error or a use that works; never another exception."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from search_tools import draw, succeeded
from strangers import change_state, sizes_told

import hardmine
from hardmine.errors import UserError
from hardmine.search.index import open_index

fuzz = settings(
    max_examples=settings().max_examples // 4,  # each reads whole models and indexes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=8), v, max_size=3))
edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=9), st.integers(0, 9)), min_size=1, max_size=4
)
"""Changes to a file: where (a share of its length), the bytes put there, how many old ones they replace."""
FACTORIES = ("Flat", "HNSW4", "IVF2,Flat", "SQ8", "PCA8,Flat")


@pytest.fixture(scope="module")
def kept(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good ``model`` and good indexes by their factories."""
    place = tmp_path_factory.mktemp("kept")
    numbers = np.random.default_rng(3)
    (place / "pictures").mkdir()
    for number in range(12):
        draw(numbers).save(place / "pictures" / f"{number:02d}.png")
    succeeded("export", trained, "-o", place / "model")
    for factory in FACTORIES:
        succeeded("index", trained, place / "pictures", "-o", place / factory, "--factory", factory)
    return place


def damaged(content: bytes, changes: list[tuple[float, bytes, int]]) -> bytes:
    for share, new, replaced in changes:
        place = int(share * len(content))
        content = content[:place] + new + content[place + replaced :]
    return content


def again(kept: Path, name: str, place: Path) -> Path:
    """A good folder, put back for the next case."""
    return shutil.copytree(kept / name, place / name, dirs_exist_ok=True)


def is_used_or_refused(index: Path) -> None:
    try:
        rows, similarities = open_index(index).search(np.full((2, 16), 0.25, np.float32), 12)
    except UserError as error:
        assert str(index) in str(error)
    else:
        assert rows.shape == similarities.shape == (2, 12)
        assert np.isfinite(similarities).all()
        assert set(rows.ravel().tolist()) <= set(range(12))


def loads_or_is_refused(model: Path) -> None:
    try:
        loaded = hardmine.load(model, "cpu", 1)
    except UserError as error:
        assert str(model) in str(error)
    else:
        prepared = loaded.config.preprocessing
        vectors = loaded.embed(np.zeros((1, prepared.size, prepared.size, prepared.channels), np.uint8))
        assert np.isfinite(vectors).all()


@pytest.mark.parametrize("name", ["index.json", "images.parquet", "vectors.npy"])
@fuzz
@given(edits)
def test_an_index_with_a_damaged_file_is_used_or_refused(
    kept: Path, tmp_path: Path, name: str, changes: list[tuple[float, bytes, int]]
) -> None:
    index = again(kept, "Flat", tmp_path)
    (index / name).write_bytes(damaged((index / name).read_bytes(), changes))
    if name != "index.json":
        sizes_told(index)
    is_used_or_refused(index)


@pytest.mark.parametrize("factory", FACTORIES)
@fuzz
@given(edits)
@example([(0.0, b"\xff" * 8, 8)])
@example([(0.3, b"ilod", 4)])
def test_a_damaged_index_of_faiss_is_used_or_refused(
    kept: Path, tmp_path: Path, factory: str, changes: list[tuple[float, bytes, int]]
) -> None:
    index = again(kept, factory, tmp_path)
    (index / "index.faiss").write_bytes(damaged((index / "index.faiss").read_bytes(), changes))
    sizes_told(index)
    is_used_or_refused(index)


@fuzz
@given(
    st.dictionaries(st.sampled_from(["format_version", "model", "images", "factory", "count", "sizes", "x"]), values)
    | values
)
def test_an_index_whose_state_is_any_json_is_used_or_refused(kept: Path, tmp_path: Path, content: Any) -> None:
    index = again(kept, "Flat", tmp_path)
    whole = json.loads((index / "index.json").read_text())
    (index / "index.json").write_text(json.dumps({**whole, **content} if isinstance(content, dict) else content))
    is_used_or_refused(index)


@fuzz
@given(edits)
def test_a_model_with_a_damaged_config_loads_or_is_refused(
    kept: Path, tmp_path: Path, changes: list[tuple[float, bytes, int]]
) -> None:
    model = again(kept, "model", tmp_path)
    (model / "config.json").write_bytes(damaged((model / "config.json").read_bytes(), changes))
    loads_or_is_refused(model)


@fuzz
@given(st.sampled_from(["", "network", "network.method", "network.backbone", "preprocessing"]), st.data())
def test_a_model_whose_config_has_any_value_at_any_key_loads_or_is_refused(
    kept: Path, tmp_path: Path, section: str, data: st.DataObject
) -> None:
    model = again(kept, "model", tmp_path)
    content = json.loads((model / "config.json").read_text())
    inner = content
    for key in filter(None, section.split(".")):
        inner = inner[key]
    inner[data.draw(st.sampled_from([*inner, "x"]))] = data.draw(values)
    (model / "config.json").write_text(json.dumps(content))
    loads_or_is_refused(model)


@fuzz
@given(edits)
def test_damaged_weights_load_or_are_refused_even_under_their_own_digest(
    kept: Path, tmp_path: Path, changes: list[tuple[float, bytes, int]]
) -> None:
    model = again(kept, "model", tmp_path)
    content = damaged((model / "model.safetensors").read_bytes(), changes)
    (model / "model.safetensors").write_bytes(content)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"weights": hashlib.sha256(content).hexdigest()}))
    loads_or_is_refused(model)


def test_the_good_ones_are_used(kept: Path, tmp_path: Path) -> None:
    for factory in FACTORIES:
        assert len(open_index(again(kept, factory, tmp_path)).search(np.full((1, 16), 0.25, np.float32), 3)[0]) == 1
    change_state(again(kept, "Flat", tmp_path), recall=None)
    loads_or_is_refused(again(kept, "model", tmp_path))
