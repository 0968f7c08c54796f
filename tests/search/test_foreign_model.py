"""What a model folder of a stranger may not do; each attack once worked."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load
from search_tools import refused, succeeded
from strangers import change_weights, write_tensors

import hardmine
from hardmine.errors import UserError

pytestmark = pytest.mark.usefixtures("within_seconds")


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    succeeded("export", trained, "-o", tmp_path / "model")
    return tmp_path / "model"


def change(model: Path, section: str, **values: Any) -> None:
    config = json.loads((model / "config.json").read_text())
    place = config
    for key in filter(None, section.split(".")):
        place = place[key]
    place |= values
    (model / "config.json").write_text(json.dumps(config))


def loading_is_refused(model: Path, message: str) -> None:
    with pytest.raises(UserError, match=message):
        hardmine.load(model)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "sparse"])
def test_what_is_no_file_is_refused_at_once(model: Path, name: str, kind: str) -> None:
    path = model / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with open(path, "wb") as file:
            file.truncate(2**40)
    loading_is_refused(model, f"{name}: is (a pipe|a folder|a device|larger than|not the file)")


def test_files_of_a_model_may_be_links_as_hubs_keep_them(model: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (model / name).rename(tmp_path / name)
        (model / name).symlink_to(tmp_path / name)
    assert hardmine.load(model).dimensions == 16


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("network.backbone", {"embedding": 10**12}),
        ("network.backbone", {"width": 10**9}),
        ("network.backbone", {"name": "torchvision", "architecture": "vit_b_16"}),
        ("network.method", {"head_features": 10**12}),
        ("network.method", {"head_channels": 10**9}),
        ("network.method", {"ratios": [1], "test_weights": [1]}),
    ],
)
def test_settings_that_ask_for_more_than_the_file_holds_take_no_memory(model: Path, section: str, values: dict) -> None:
    change(model, section, **values)
    if values.get("name"):
        config = json.loads((model / "config.json").read_text())
        config["network"]["backbone"] = values
        config["preprocessing"] |= {"size": 32, "crop": 32}
        (model / "config.json").write_text(json.dumps(config))
    loading_is_refused(model, "does not fit its network|cannot be used|cannot build it")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"size": 100_000}, "preprocessing.size: .*less than or equal to 2048"),
        ({"size": 10**12, "crop": 10**12}, "preprocessing.size"),
        ({"crop": 17}, "preprocessing: .*crop: 17 is more than the 16 pixels of size"),
        ({"scale": 0}, "preprocessing.scale"),
        ({"scale": -1}, "preprocessing.scale"),
        ({"scale": float("inf")}, "preprocessing.scale"),
        ({"scale": float("nan")}, "preprocessing.scale"),
        ({"scale": 1e-300}, "not finite"),
        ({"mean": -1}, "preprocessing.mean"),
        ({"mean": 1e9}, "preprocessing.mean"),
        ({"mean": float("nan")}, "preprocessing.mean"),
    ],
)
def test_numbers_of_the_preparation_have_bounds(model: Path, values: dict, words: str) -> None:
    change(model, "preprocessing", **values)
    loading_is_refused(model, words)


def edited(value: float) -> Callable[[dict[str, np.ndarray]], None]:
    def edit(tensors: dict[str, np.ndarray]) -> None:
        for name in tensors:
            if name.endswith("weight"):
                tensors[name] = np.full_like(tensors[name], value)

    return edit


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38, 0.0])
def test_weights_that_give_no_vectors_are_told_before_anything_is_made(
    model: Path, pictures: Path, tmp_path: Path, value: float
) -> None:
    if value == 0.0:
        change_weights(model, lambda tensors: [tensors[name].fill(0) for name in tensors])
    else:
        change_weights(model, edited(value))
    refused("index", model, pictures, "-o", tmp_path / "index", message="model: the model gives vectors (that|of)")
    assert not (tmp_path / "index").exists()


def test_a_damaged_model_costs_no_earlier_export(project: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "project") / "models/tiny/hdc/seed0"
    succeeded("export", copy, "-o", tmp_path / "out")
    (tmp_path / "out/model.onnx").write_text("of before")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[:-1])
    refused("export", copy, "-o", tmp_path / "out", message="is not the file that the folder's record names")
    (copy / "model.safetensors").write_bytes(data)
    (tmp_path / "project/metrics/tiny/hdc/seed1/metrics.json").write_text('{"values": [{}]}')
    refused("export", copy, "-o", tmp_path / "out", message=r"metrics\.json: is damaged .*verify --repair")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def good_head(model: Path) -> tuple[dict[str, Any], int]:
    """The head of the model's weights and the number of their bytes."""
    head, place = {}, 0
    kinds = {"float32": "F32", "int64": "I64"}
    for name, value in load((model / "model.safetensors").read_bytes()).items():
        span = [place, place + value.nbytes]
        head[name] = {"dtype": kinds[str(value.dtype)], "shape": list(value.shape), "data_offsets": span}
        place += value.nbytes
    return head, place


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [10**12, 8]},
        {"shape": [2**62, 2**62]},
        {"shape": [-1, -8]},
        {"shape": ["8"]},
        {"dtype": "F4096"},
        {"dtype": []},
        {"data_offsets": [0, 10**15]},
        {"data_offsets": [0]},
        {"data_offsets": None},
    ],
)
def test_a_head_that_speaks_of_other_numbers_than_there_are_is_refused(model: Path, change: dict) -> None:
    head, size = good_head(model)
    name = next(name for name in head if name.endswith("weight"))
    head[name] |= change
    write_tensors(model / "model.safetensors", head, size)
    loading_is_refused(model, "safetensors: is not the file|does not fit")


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 8, b"\x02" + b"\0" * 7 + b"{}", b"\x80\x02csome.pickle"])
def test_files_that_are_no_safetensors_are_refused(model: Path, content: bytes) -> None:
    (model / "model.safetensors").write_bytes(content)
    loading_is_refused(model, "is not the file that the folder's record names|does not fit its network")


def test_a_sparse_file_that_fits_a_huge_network_is_refused_by_the_memory_there_is(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, size = good_head(model)
    write_tensors(model / "model.safetensors", head, size)
    monkeypatch.setattr(os, "sysconf", lambda name: 64)
    loading_is_refused(model, "this machine has memory for half of that at most")


@pytest.mark.parametrize("value", [None, "x", [], {"a": 1}, -1, 1e308, True, "\ud800", 10**400])
def test_any_wrong_value_at_any_key_of_the_config_is_refused_by_name(model: Path, value: object) -> None:
    whole = json.loads((model / "config.json").read_text())
    places = [(), *((key,) for key in whole), *(("network", key) for key in whole["network"])]
    places += [("preprocessing", key) for key in whole["preprocessing"]]
    places += [("network", part, key) for part in ("method", "backbone") for key in whole["network"][part]]
    for place in places:
        content: Any = json.loads(json.dumps(whole))
        if not place:
            content = value
        else:
            inner = content
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
        (model / "config.json").write_text(json.dumps(content))
        try:
            loaded = hardmine.load(model)
        except UserError as error:
            assert str(model) in str(error) or "config.json" in str(error)
        else:
            assert torch.isfinite(torch.tensor(loaded.embed(np.zeros((1, 16, 16, 1), np.uint8)))).all()


def test_a_config_nested_without_end_is_refused(model: Path) -> None:
    (model / "config.json").write_text("[" * 100_000)
    loading_is_refused(model, r"config\.json: cannot be read as JSON")
    deep = '{"a":' * 900 + "1" + "}" * 900
    config = (model / "config.json").with_name("config.json")
    config.write_text('{"format_version": 1, "library_name": "hardmine", "network": ' + deep + "}")
    loading_is_refused(model, "config.json")


@pytest.mark.parametrize("value", [None, "x", [], 5, {"a": 1}])
def test_a_record_of_another_shape_is_refused_by_name(project: Path, tmp_path: Path, value: object) -> None:
    copy = shutil.copytree(project, tmp_path / "project")
    folder = copy / "models/tiny/hdc/seed0"
    whole = json.loads((folder / "made.json").read_text())
    for section in ("settings", "outputs", "inputs"):
        for key in whole[section]:
            content = json.loads(json.dumps(whole))
            content[section][key] = value
            (folder / "made.json").write_text(json.dumps(content))
            try:
                succeeded("export", folder, "-o", tmp_path / "out")
            except UserError as error:
                assert "seed0" in str(error)


def test_an_output_that_holds_a_pipe_or_a_folder_in_a_files_place_is_told(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe/config.json")
    refused("export", trained, "-o", tmp_path / "pipe", message="pipe: exists and is no exported model")
    succeeded("export", trained, "-o", tmp_path / "out")
    (tmp_path / "out/model.onnx").mkdir()
    refused("export", trained, "-o", tmp_path / "out", message=r"model\.onnx: cannot be")


def test_a_folder_that_may_not_be_opened_is_told_from_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.stat

    def closed(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if str(path).endswith("made.json"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return look(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", closed)
    loading_is_refused(tmp_path, "cannot be read: Permission denied")
