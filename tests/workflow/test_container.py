"""The image's definition fits the project, and the pipeline needs no network. Building it needs an engine: by hand."""

import re
import subprocess
from pathlib import Path

import pytest
from pipeline import small_plan
from project import ROOT, Project

DEFINITION = (ROOT / "Containerfile").read_text()
LOCK = (ROOT / "requirements.lock").read_text()


def test_what_is_copied_exists() -> None:
    sources = [source for line in re.findall(r"^COPY (.*) \S+$", DEFINITION, re.MULTILINE) for source in line.split()]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source


def test_make_targets_of_the_image_exist() -> None:
    targets = re.findall(r"make[\", ]+([a-z./]+)", re.sub(r"#.*|apt-get.*", "", DEFINITION))
    assert targets == [".venv/.locked", "environment", "reproduce"]
    for target in targets:
        assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_the_image_installs_the_lock_once_and_its_code_in_a_layer_above() -> None:
    lock, code = DEFINITION.index("make .venv/.locked"), DEFINITION.index("make environment")
    assert DEFINITION.index("COPY requirements.lock Makefile") < lock < DEFINITION.index("COPY . .") < code
    rules = dict(re.findall(r"^(\S+): (.*)\n(?=\t)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert rules[".venv/.locked"] == "requirements.lock"  # nothing else makes it build .venv again
    assert ".venv/.locked" in rules["$(READY)"]


def test_the_image_has_the_python_of_the_lock() -> None:
    (base,) = re.findall(r"^ARG BASE=.*python:(\d\.\d+)", DEFINITION, re.MULTILINE)
    assert f"--python-version {base}" in (ROOT / "Makefile").read_text()
    assert f"for name in python{base} " in (ROOT / "Makefile").read_text()


def test_every_locked_package_has_a_version_and_a_hash() -> None:
    packages = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(packages) > 100
    for package in packages:
        assert re.match(r"\S+==\S+( ; .+)? \\\n", package), package[:80]
        assert "--hash=sha256:" in package, package[:80]


def test_nothing_that_is_made_goes_into_the_image() -> None:
    kept_out = set((ROOT / ".dockerignore").read_text().split())
    for line in (ROOT / ".gitignore").read_text().split():
        assert line.strip("/") in kept_out or f"**/{line.strip('/')}" in kept_out, line


@pytest.mark.workflow
def test_the_pipeline_runs_without_a_network(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("taking the network away takes root")
    project = Project.create(tmp_path / "project", tmp_path / "remote", small_plan())
    project.run("unshare --net snakemake --cores 2 --quiet all")
    project.verify()
