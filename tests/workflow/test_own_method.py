"""The template package, installed in an environment of its own, trains beside semi-hard triplets."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from project import ROOT, Project

pytestmark = pytest.mark.workflow
EXAMPLE = ROOT / "examples/own-method"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commands of an environment that has the package, hardmine, and by a path file the libraries of this one."""
    folder = tmp_path_factory.mktemp("own")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    site = next((folder / "venv/lib").glob("python*/site-packages"))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    source = folder / "own-method"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    python = folder / "venv/bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    for package in (source, ROOT):
        subprocess.run([*install, package], check=True)
    return folder / "venv/bin"


def test_a_plan_with_the_method_ends_in_a_report_with_its_figure(own: Path, tmp_path: Path) -> None:
    plan = yaml.safe_load((EXAMPLE / "plan.yaml").read_text())
    project = Project.create(tmp_path / "project", tmp_path / "remote", plan)
    path = f"{own}{os.pathsep}{os.environ['PATH']}"
    project.run(f"{own}/python -m snakemake --cores 2 --quiet all", PATH=path)
    report = project.folder / "report/own-method"
    assert "easy-positive" in (report / "results.csv").read_text()
    assert (report / "figures/easy-positive-order.svg").stat().st_size > 1000
    assert "figures/easy-positive-order.svg" in (report / "index.html").read_text()
    project.run(f"{own}/python -m hardmine.cli verify", PATH=path)
    method = next(own.parent.glob("lib/python*/site-packages/own_method/method.py"))
    text = method.read_text()
    method.write_text(text.replace("(hard - easy)", "2 * (hard - easy)"))
    told = project.run(f"{own}/python -m snakemake -n --quiet all", PATH=path).stderr
    method.write_text(text)
    assert "code: own_method/method.py changed: 2 artefacts will be made again." in told


def test_without_the_package_the_plan_is_refused_in_one_line(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "plan.yaml", tmp_path)
    command = [sys.executable, "-m", "hardmine.cli", "check", "--plan", "plan.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "runs.easy-positive.method: 'easy-positive' is no method" in done.stderr
    assert done.stderr.count("\n") == 1
