"""The digest of code: what counts in a file, which files count for a job, and that nothing that runs is missing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import advance, build

import hardmine
from hardmine.artefacts import Job, code_of
from hardmine.artefacts import code as code_module
from hardmine.artefacts.code import LEFT_OUT, changed_code
from hardmine.artefacts.syntax import read_source
from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan
from hardmine.settings.methods import METHODS

PACKAGE = Path(hardmine.__file__).parent
FIXTURE = b'''
"""A module."""
from __future__ import annotations
import os, sys
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from a import B
__all__ = ["f"]
X: int = 3
type_of = {"a": 1.5, "b": (None, True, b"x", 2j, ...)}


class C(dict, metaclass=type):
    """Words."""
'''
FIXTURE += '''
    key: str = "é\\u2603"
    """More words."""


def f(a, /, b=1, *c, d=2, **e) -> float:
    """Words."""
    if b > 1 and not a:
        raise ValueError(f"no {b!r:>{d}} here")
    with open(a) as file, open(b):
        x = [y for y in file if y if not b]
    match a:
        case {"k": [1, *rest], **others} if rest:
            return lambda z=1: z @ b
        case C(key="q") | None:
            print("said")
            return f"{x}" "y"
    try:
        del x[1:2]
    except (OSError, KeyError) as error:
        assert a, "words"
    else:
        async def g(): await h
    return -a if b else a ** b
'''.encode()
PINNED = ("a96781f7563e2eee", "d3d84f574cb68463")
RUNS = {
    "random": {"method": "random"},
    "triplet": {"method": "triplet", "selection": "semihard"},
    "hdc": {"method": "hdc", "head_features": 8, "head_channels": 4},
    "smart-mining": {"method": "smart-mining", "batch_triplets": 8, "epoch_anchors": 16, "random_epochs": 1},
    "schem": {"method": "schem", "group_size": 4, "groups": 3, "class_pool": [1, 2]},
    "hdml": {"method": "hdml", "batch_size": 8, "generator_width": 16},
    "hap2s": {"method": "hap2s"},
    "quadruplet": {"method": "quadruplet", "metric": "learned"},
    "pddm": {"method": "pddm"},
    "ccl": {"method": "ccl", "network": "mixed", "attribute_weight": 0},
    "bier": {"method": "bier", "diversity": "adversarial", "weighting": "permuted"},
    "abe": {"method": "abe"},
    "dreml": {"method": "dreml", "merging": "similar"},
}


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plan(**changes: object) -> dict:
    content = {"plan": "p", "baseline": "triplet", "seeds": [0], "dataset": {"name": "glyphs"}}
    others = {name: {"method": name} for name in METHODS.table if name not in RUNS}
    runs = {name: {"method": name, **({"selection": "hard"} if name == "triplet" else {})} for name in RUNS} | others
    return {**content, "runs": runs, **changes}


def jobs(**changes: object) -> list[Job]:
    return jobs_of(load_plan(plan(**changes), "plan.yaml"))


def test_the_digest_of_the_fixture_is_pinned() -> None:
    found = read_source(FIXTURE)
    assert (found.tree, found.words) == PINNED


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_python_reads_a_file_alike(version: str, tmp_path: Path) -> None:
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    found = [str(path) for path in (*installed, shutil.which(f"python{version}")) if path]
    python = next((each for each in found if subprocess.run([each, "-c", ""], check=False).returncode == 0), None)
    if python is None:
        pytest.skip(f"no python{version} here")
    place = PACKAGE / "artefacts/syntax.py"
    probe = (
        "import importlib.util, json, sys, pathlib\n"
        f"spec = importlib.util.spec_from_file_location('syntax', {str(place)!r})\n"
        "syntax = sys.modules['syntax'] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(syntax)\n"
        f"files = sorted(pathlib.Path({str(PACKAGE)!r}).rglob('*.py'))\n"
        "found = {str(p): syntax.read_source(p.read_bytes()) for p in files}\n"
        "print(json.dumps({p: [s.tree, s.words] for p, s in found.items()}))\n"
    )
    done = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    assert len(theirs) > 150
    for path, digests in theirs.items():
        own = read_source(Path(path).read_bytes())
        assert [own.tree, own.words] == digests, path


BEFORE = """
import b
import a
from c import d
X = 1
def f(x):
    \"\"\"Words.\"\"\"
    if x:
        raise ValueError("no")
    assert x, "words"
    print("said")
    return x + 1
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Words.", "Other words, and more of them."),
        ('"no"', 'f"no {x}: allowed are {X}"'),
        ('"words"', '"others"'),
        ('print("said")', 'print("said", x, flush=True)'),
        ("X = 1", '__all__ = ["f"]\nX = 1  # a remark'),
        ("import b\nimport a", "import a\nimport b"),
        ("X = 1", "X = (1)"),
    ],
)
def test_words_for_people_and_layout_do_not_count(old: str, new: str) -> None:
    assert old in BEFORE
    assert read_source(BEFORE.encode()).tree == read_source(BEFORE.replace(old, new).encode()).tree


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x + 1", "x + 1.0"),
        ("x + 1", "1 + x"),
        ("f(x)", "f(x=0)"),
        ("ValueError", "KeyError"),
        ("X = 1", "X = True"),
        ("X = 1", "X = '1'"),
        ("from c import d", "from c import d as e"),
        ("from c import d", "from c2 import d"),
        ("if x:", "if not x:"),
        ("assert x,", "assert not x,"),
    ],
)
def test_everything_else_counts(old: str, new: str) -> None:
    assert old in BEFORE
    assert read_source(BEFORE.encode()).tree != read_source(BEFORE.replace(old, new).encode()).tree


def test_a_job_is_decided_by_its_verb_and_its_method_and_by_nothing_of_others() -> None:
    folders = {row.implementation.split(".")[2] for row in METHODS.table.values()}
    for job in jobs():
        found = {name for name in code_of(job.code) if "/" not in name}
        assert not [name for name in found if name.split(".")[1] in ("cli", "search", "exporting", "artefacts")]
        if job.verb in ("train", "embed"):
            method = METHODS.table[job.where["run"]].implementation.split(".")[2]
            own = {name.split(".")[2] for name in found if name.startswith("hardmine.methods.")} & folders
            assert own == {method}
            there = {path.stem for path in (PACKAGE / "methods" / method).glob("*.py")}
            missing = (
                there
                - {"__init__", "figures", "search"}
                - {name.rpartition(".")[2] for name in found if f".{method}." in name}
            )
            assert not missing, f"{job.folder}: {missing}"
            assert not [name for name in found if ".figures" in name or ".plotting" in name]
        else:
            names = {".".join(name.split(".")[:2]) for name in found}
            assert not names & {"hardmine.training", "hardmine.backbones", "hardmine.mining"}


@pytest.mark.parametrize("name", RUNS)
def test_no_function_that_a_training_calls_lies_in_a_file_that_does_not_count(name: str) -> None:
    called = set()

    def look(frame: object, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code.co_filename)  # type: ignore[attr-defined]

    (job,) = (job for job in jobs() if job.verb == "train" and job.where["run"] == name)
    counted = set(code_of(job.code))
    sys.setprofile(look)
    try:
        method = build(RUNS[name], classes=8, images_per_class=8)
        if name != "random":
            advance(method, 2 * method.steps_per_epoch + 1)
        method.state_dict()
    finally:
        sys.setprofile(None)
    modules = set()
    for file in called:
        if Path(file).is_relative_to(PACKAGE) and Path(file).name != "__init__.py":
            modules.add(".".join(["hardmine", *Path(file).relative_to(PACKAGE).with_suffix("").parts]))
    assert f"hardmine.methods.{METHODS.table[name].implementation.split('.')[2]}.method" in modules
    left_out = {m for m in modules if any(m == p or m.startswith(f"{p}.") for p in LEFT_OUT)}
    assert modules - left_out - counted == set()


def edited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, old: str, new: str) -> set[str]:
    """Folders of the jobs whose code an edit of a file changes."""
    copy = tmp_path / "hardmine"
    if not copy.exists():
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_module, "_PACKAGE", copy)
    asked = jobs()
    before = {job.folder: code_of(job.code, fresh=True) for job in asked}
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1))
    code_of((), fresh=True)
    after = {job.folder: code_of(job.code) for job in asked}
    (copy / file).write_text(text)
    code_module._reader.cache_clear()
    for folder in before:
        if before[folder] != after[folder]:
            assert changed_code(before[folder], after[folder]) == [file]
    return {folder for folder in before if before[folder] != after[folder]}


def of(*methods: str, verbs: tuple[str, ...] = ("models", "embeddings")) -> set[str]:
    return {f"{verb}/p/{name}/seed0" for verb in verbs for name in methods}


EVALUATED = of(*METHODS.table, verbs=("metrics",)) | {"report/p"}
BASELINES = [name for name in METHODS.table if "baselines" in METHODS.table[name].implementation]


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("methods/hdc/loss.py", "0.5 *", "0.25 *", of("hdc")),
        ("methods/hdc/settings.py", "len(self.ratios) + 1)", "len(self.ratios) + 2)", of("hdc")),
        ("methods/baselines/loss.py", "cutoff=0.5", "cutoff=0.6", of(*BASELINES)),
        ("mining/neighbour_lists.py", "\n\n\n", "\n\n\nEDITED = 1\n\n\n", of("smart-mining")),
        ("mining/samplers.py", "1e30", "1e29", of(*METHODS.table)),
        ("figures/page.css", "margin", "padding", {"report/p"}),
        ("figures/published/any.yaml", ":", " :", {"report/p"}),
        ("methods/hdc/figures.py", "pair losses of each level", "losses of each level", {"report/p"}),
        ("methods/hdc/loss.py", "The loss of one level", "A loss of one level", set()),
        ("verbs.py", "time.monotonic() - start", "0", set()),
        ("errors.py", "cutoff=0.5", "cutoff=0.6", set()),
        ("artefacts/making.py", "os.environ.get", "os.getenv", set()),
        ("training/progress.py", "flush=True", "flush=False", set()),
        ("retrieval/clustering.py", "\n\n\n", "\n\n\nEDITED = 1\n\n\n", EVALUATED),
        ("datasets/glyphs.py", "\n\n\n", "\n\n\nEDITED = 1\n\n\n", {"data/raw/glyphs", "data/packed/glyphs-32"}),
        ("datasets/cub200.py", "\n\n\n", "\n\n\nEDITED = 1\n\n\n", set()),
    ],
)
def test_an_edit_concerns_the_jobs_that_it_can_change_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, old: str, new: str, expected: set[str]
) -> None:
    assert edited(monkeypatch, tmp_path, file, old, new) == expected


def test_a_row_of_the_table_counts_for_the_method_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {job.folder: code_of(job.code) for job in jobs()}
    row = METHODS.table["angular"]
    changed = type(row)(row.settings, "hardmine.methods.baselines.method:RandomNetworkMethod")
    monkeypatch.setitem(METHODS.table, "angular", changed)  # type: ignore[arg-type]
    after = {job.folder: code_of(job.code) for job in jobs()}
    assert {folder for folder in before if before[folder] != after[folder]} == of("angular")


def test_what_is_left_out_is_there_and_has_a_reason() -> None:
    for name, reason in LEFT_OUT.items():
        place = PACKAGE.joinpath(*name.split(".")[1:])
        assert place.is_dir() or place.with_suffix(".py").is_file(), name
        assert len(reason) > 15


def test_published_downloads_are_judged_by_their_checksums_alone() -> None:
    weights = {"backbone": {"name": "torchvision", "architecture": "resnet18"}}
    found = jobs(dataset={"name": "cub200"}, runs={"triplet": {"method": "triplet", "selection": "hard"}}, **weights)
    assert [(job.verb, job.code) for job in found if job.verb == "download"] == [("download", ())] * 2
    assert code_of(()) == {}


def test_a_damaged_cache_is_read_past(tmp_path: Path) -> None:
    entries = jobs()[1].code
    right = code_of(entries, fresh=True)
    for content in ("", "[]", '{"version": 1, "sources": {"x": 3}}', '{"version": 0}', "\0"):
        (tmp_path / "scratch/code.json").write_text(content)
        assert code_of(entries, fresh=True) == right


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="nowhere"):
        code_of(("nowhere.module:thing",))
