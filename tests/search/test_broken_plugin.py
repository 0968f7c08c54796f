"""Packages of others that cannot be imported, installed as they would be: a distribution with an entry point."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]

DESCRIPTORS = """
from hardmine.doors import Descriptor
SETTINGS, METHOD = "theirs_settings:Theirs", "hardmine.methods.baselines.method:Baseline"
LAZY = Descriptor(SETTINGS, "nowhere.method:Method")
NO_CLASS = Descriptor(SETTINGS, "theirs_settings:Missing")
NO_FIGURES = Descriptor(SETTINGS, METHOD, "nowhere:FIGURES")
GOOD = Descriptor(SETTINGS, METHOD)
"""

SETTINGS = """
from typing import Literal
from hardmine.methods.baselines.settings import NPair

class Theirs(NPair):
    method: Literal["theirs"]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages with the modules of one of somebody else's."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "theirs_settings.py").write_text(SETTINGS)
    (folder / "theirs.py").write_text(DESCRIPTORS)
    return folder


def install(site: Path, value: str, group: str = "hardmine.methods", name: str = "theirs") -> None:
    folder = site / f"{name}-1.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-package\nVersion: 1.2\n")
    (folder / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")


def run(site: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from hardmine.cli import main; main()", *map(str, arguments)]
    path = os.pathsep.join([str(site), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def write_plan(folder: Path, method: str) -> Path:
    runs = {"a": {"method": "npair"}, "b": {"method": method}}
    plan = {"plan": "p", "baseline": "a", "dataset": {"name": "glyphs"}, "runs": runs}
    plan["training"] = {"batch": {"classes": 8, "images_per_class": 2}}
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    return folder / "plan.yaml"


def test_commands_that_do_not_use_a_broken_package_work_beside_it(
    site: Path, trained: Path, pictures: Path, tmp_path: Path
) -> None:
    install(site, "nowhere:DESCRIPTOR")
    install(site, "nowhere:DESCRIPTOR", "hardmine.datasets", "their-set")
    install(site, "nowhere:DESCRIPTOR", "hardmine.backbones", "their-network")
    plan = write_plan(tmp_path, "npair")
    for arguments in (
        ("index", trained, pictures, "-o", tmp_path / "index"),
        ("search", tmp_path / "index", pictures / "odd/07.png"),
        ("export", trained, "-o", tmp_path / "model"),
        ("check", "--plan", plan),
        ("settle", "--plan", plan),
        ("schema",),
    ):
        done = run(site, tmp_path, *arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    done = run(site, tmp_path, "check", "--plan", write_plan(tmp_path, "theirs"))
    assert done.returncode == 2
    assert done.stderr.startswith("hardmine: method 'theirs' of theirs-package 1.2: cannot be imported (ModuleNotFound")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("theirs:LAZY", "ModuleNotFoundError: No module named 'nowhere'"),
        ("theirs:NO_CLASS", "AttributeError: module 'theirs_settings' has no attribute 'Missing'"),
        ("theirs:NO_FIGURES", "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_check_names_a_method_of_others_of_which_a_part_cannot_be_imported(
    site: Path, tmp_path: Path, value: str, reason: str
) -> None:
    install(site, value)
    done = run(site, tmp_path, "check", "--plan", write_plan(tmp_path, "theirs"))
    assert done.returncode == 2
    assert done.stderr == f"hardmine: method 'theirs' of theirs-package 1.2: cannot be imported ({reason}).\n"


def test_check_takes_a_method_of_others_that_can_be_imported(site: Path, tmp_path: Path) -> None:
    install(site, "theirs:GOOD")
    done = run(site, tmp_path, "check", "--plan", write_plan(tmp_path, "theirs"))
    assert done.returncode == 0, done.stderr


def test_check_imports_the_work_of_others_only(site: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, "npair")
    code = (
        "import sys\nfrom pathlib import Path\nfrom hardmine.cli import check\n"
        f"check(Path({str(plan)!r}))\nassert not {{'torch', 'numpy'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
