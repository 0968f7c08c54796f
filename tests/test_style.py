import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        "ruff check .",
        "ruff format --check .",
        "mypy",
        "snakefmt --check Snakefile workflow",
        "lint-imports",
    ],
)
def test_the_project_is_clean_under(command: str, tmp_path: Path) -> None:
    name, *arguments = command.split()
    done = subprocess.run([BIN / name, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def test_the_workflow_has_no_lint_but_that_rules_name_no_image_of_their_own() -> None:
    done = subprocess.run([BIN / "snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    found = {line.strip() for line in (done.stdout + done.stderr).splitlines() if line.startswith("    * ")}
    assert found <= {"* Specify a conda environment or container for each rule.:"}
    assert "Lints for rule train_run" in done.stdout + done.stderr


def test_no_file_names_a_path_of_some_machine_and_modules_stay_short() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in listed:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yaml", ".smk", ".toml") and path.is_file() and "tests" not in path.parts:
            text = path.read_text()
            for place in ("/" + "work/", "/" + "root/", "/" + "home/"):
                assert place not in text, f"{name}: {place}"
            if name.startswith("src/") and path.suffix == ".py":
                assert len(text.splitlines()) <= 300, f"{name} has {len(text.splitlines())} lines"
