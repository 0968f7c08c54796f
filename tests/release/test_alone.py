"""The wheel beside nothing but what it asks for: models in use need neither Snakemake nor DVC nor an extra."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from hardmine.exporting.folder import export_model

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
HIDDEN = sorted({Requirement(line).name.replace("-", "_") for own in EXTRAS.values() for line in own} - {"sphinx"})
"""Of all extras; SciPy asks whether Sphinx is among the modules, and then imports of it."""
SCRIPT = f"""
import json, sys
sys.modules |= dict.fromkeys({HIDDEN})
import hardmine
from hardmine.cli import app
from hardmine.errors import UserError
for line in sys.stdin:
    try:
        app(json.loads(line), standalone_mode=False)
    except UserError as error:
        print("refused:", error)
print("from", hardmine.__file__)
"""


@pytest.fixture(scope="module")
def said(installed: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the commands print, run one after another by one process that can import nothing of the extras."""
    from search_tools import draw_forty

    folder = tmp_path_factory.mktemp("alone")
    export_model(trained, folder / "model")
    draw_forty(folder / "pictures")
    commands = [
        ["--help"],
        ["index", "model", "pictures", "-o", "index"],
        ["search", "index", "pictures/odd/01.png", "-k", "3"],
        ["init", "project", "--plan", "smoke"],
        ["check", "--plan", "project/params.yaml"],
        ["serve", "index"],
        ["export", str(trained), "-o", "second", "--onnx"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input="".join(json.dumps(command) + "\n" for command in commands),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert f"from {installed}" in done.stdout
    return done.stdout


def test_models_are_used_and_projects_begun_without_any_extra(said: str) -> None:
    assert "Models in use" in said
    assert "40 images (40 embedded" in said
    assert "odd/01.png" in said.split("similarity")[1]
    assert "plan 'smoke' on glyphs" in said


def test_what_needs_an_extra_says_which(said: str) -> None:
    refusals = [line for line in said.splitlines() if line.startswith("refused:")]
    assert len(refusals) == 2, said
    assert refusals[0].endswith("starlette is not installed. Run: pip install 'hardmine[serve]'")
    assert refusals[1].endswith("is not installed. Run: pip install 'hardmine[onnx]'")
    assert "Snakemake is not installed, which runs it: pip install 'hardmine[workflow]'" in said
