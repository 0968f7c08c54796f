"""Damaged files of every kind: a clear error, or a reader that says that there is nothing; never another exception."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from hardmine.artefacts import Job, Record, read_record, settle, verify
from hardmine.artefacts.making import making
from hardmine.artefacts.record import write_record
from hardmine.datasets import Items, read_items, write_items
from hardmine.errors import UserError
from hardmine.training.loop import read_weights

fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=8), v, max_size=3))
edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=6), st.integers(0, 6)), max_size=4)
"""Changes to a file: where (a share of its length), the bytes put there, how many old ones they replace."""


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARDMINE_WORKFLOW", raising=False)


def damaged(content: bytes, changes: list[tuple[float, bytes, int]]) -> bytes:
    for share, new, replaced in changes:
        place = int(share * len(content))
        content = content[:place] + new + content[place + replaced :]
    return content


ITEMS = Items(
    ["a/é 1.png", 'b,"2".png', "c.png"], ["x", "x", "y"], ["train", "train", "test"], ["train", "train", "both"]
)


@fuzz
@given(edits)
def test_a_damaged_list_of_items_is_read_as_a_valid_list_or_refused(changes: list) -> None:
    path = Path("items.csv")
    write_items(path, ITEMS)
    path.write_bytes(damaged(path.read_bytes(), changes))
    try:
        items = read_items(path)
    except UserError as error:
        assert "items.csv" in str(error)
        return
    lengths = {len(column) for column in (items.paths, items.classes, items.splits, items.roles)}
    assert len(lengths) == 1
    homes = set(zip(items.classes, items.splits, strict=True))
    assert len(homes) == len({name for name, _ in homes})


@fuzz
@given(st.lists(st.tuples(st.text(st.characters(), max_size=8), st.sampled_from("xyz"))))
def test_any_list_of_items_is_read_as_it_was_written_or_refused(rows: list[tuple[str, str]]) -> None:
    split = {"x": "train", "y": "validation", "z": "test"}
    items = Items([path for path, _ in rows], [c for _, c in rows], [split[c] for _, c in rows], ["both" for _ in rows])
    try:
        write_items(Path("items.csv"), items)
    except UserError as error:
        assert "Rename it" in str(error)
        return
    assert read_items(Path("items.csv")) == items


JOB = Job("p", "train", "models/p/r/seed0", ("m.bin",), (), {"n": 1}, {})


def made_artefact() -> Path:
    """The record of a good artefact, made anew for the first case and put back for the others."""
    kept = Path("record.json")
    if not kept.exists():
        with making(JOB) as folder:
            (folder / "m.bin").write_text("content")
        kept.write_bytes(JOB.record_file.read_bytes())
    JOB.record_file.write_bytes(kept.read_bytes())
    return JOB.record_file


def judged() -> bool:
    """Whether the artefact is good; settle and verify must agree that a damaged record is not."""
    good = list(settle([JOB])) == []
    assert good == (verify([JOB], ["train"]) == {})
    return good


@fuzz
@given(edits)
def test_a_damaged_record_leaves_the_artefact_good_only_if_it_says_the_same(changes: list) -> None:
    path = made_artefact()
    before = json.loads(path.read_bytes())
    path.write_bytes(damaged(path.read_bytes(), changes))
    if judged():
        after = json.loads(path.read_bytes())
        assert {key: after[key] for key in before if key != "made_with"} == {
            key: before[key] for key in before if key != "made_with"
        }


@fuzz
@given(st.dictionaries(st.sampled_from(["settings", "inputs", "outputs", "sizes", "made_with", "x"]), values) | values)
def test_a_record_of_any_content_is_no_record_or_a_record_that_can_be_judged(content: object) -> None:
    path = made_artefact()
    whole = json.loads(path.read_bytes())
    path.write_text(json.dumps({**whole, **content} if isinstance(content, dict) else content))
    judged()


@fuzz
@given(st.dictionaries(st.text(), values), st.dictionaries(st.text(), st.text()))
def test_any_record_is_read_as_it_was_written(own: dict, outputs: dict) -> None:
    own = json.loads(json.dumps(own).replace("NaN", "0"))
    record = Record(own, {"folder": outputs}, outputs, dict.fromkeys(outputs, 1), {})
    write_record(".", record)
    assert read_record(".") == record


@fuzz
@given(st.dictionaries(st.sampled_from([*JOB.to_json(), "again"]), values), edits)
def test_a_damaged_settings_file_is_a_job_or_refused(changes: dict, bytes_changed: list) -> None:
    path = Path("job.json")
    path.write_bytes(damaged(json.dumps(JOB.to_json() | changes).encode(), bytes_changed))
    try:
        job = Job.read(path)
    except UserError as error:
        assert "job.json" in str(error)
    else:
        assert isinstance(job.folder, str)
        assert all(isinstance(name, str) for name in (*job.outputs, *job.inputs))
        assert isinstance(job.settings, dict)


@fuzz
@given(edits)
def test_a_damaged_model_file_is_read_or_refused(changes: list) -> None:
    path = Path("model.safetensors")
    path.write_bytes(damaged(save({"a": np.zeros((3, 2), np.float32), "b": np.ones(1, np.int64)}), changes))
    try:
        weights = read_weights(path)
    except UserError as error:
        assert "model.safetensors" in str(error)
    else:
        assert all(tensor.numel() >= 0 for tensor in weights.values())
