"""How `make` builds the environment: from which Python, with which packages. A script stands in for Python and pip."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
RULES = (ROOT / "Makefile").read_text()
LOCK = (ROOT / "requirements.lock").read_text()
TOOLS = ("awk", "cp", "mkdir", "sed", "touch")
STAND_IN = """#!/bin/sh
[ "$1" = -c ] && exit {refusal}
[ "$2" = venv ] && mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo {name} > built-with && exit
echo "$@" >> installs
"""


def make_environment(folder: Path, pythons: dict[str, bool], *options: str) -> subprocess.CompletedProcess[str]:
    """Run the rule of the environment in ``folder`` where only these commands are; each says whether it is fit."""
    programs = folder / "programs"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(os.path.realpath(shutil.which(tool) or tool))
    for name, fit in pythons.items():
        (programs / name).write_text(STAND_IN.format(name=name, refusal=int(not fit)))
        (programs / name).chmod(0o755)
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    command = [shutil.which("make") or "make", "--no-print-directory", ".venv/.locked", *options]
    return subprocess.run(
        command, cwd=folder, env={"PATH": str(programs)}, capture_output=True, text=True, check=False, timeout=60
    )


def packages(lock: str) -> dict[str, Requirement]:
    lines = re.findall(r"^([a-z0-9].*?)(?: \\)?$", lock, re.MULTILINE)
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


def wanted_on(platform: str, machine: str, python: str) -> set[str]:
    place = {"sys_platform": platform, "platform_machine": machine, "platform_system": platform.capitalize()}
    place |= {"python_version": python, "python_full_version": f"{python}.1"}
    return {name for name, found in packages(LOCK).items() if found.marker is None or found.marker.evaluate(place)}


def of_graphics_cards(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith(("nvidia-", "cuda-", "triton"))}


@pytest.mark.parametrize(
    ("pythons", "chosen"),
    [
        ({"python3.11": True, "python3.12": True, "python3": True}, "python3.11"),
        ({"python3.11": False, "python3.13": True}, "python3.13"),
        ({"python3": True}, "python3"),
    ],
)
def test_the_first_python_that_fits_builds_the_environment(
    pythons: dict[str, bool], chosen: str, tmp_path: Path
) -> None:
    made = make_environment(tmp_path, pythons)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "built-with").read_text().strip() == chosen


@pytest.mark.parametrize(
    ("pythons", "options", "named"),
    [
        ({}, [], ""),
        ({"python3": False}, [], ""),
        ({"python3.11": True, "python3.9": False}, ["PYTHON=python3.9"], " and python3.9 is none of them"),
        ({"python3.11": True}, ["PYTHON=python3.12"], " and python3.12 is none of them"),
    ],
)
def test_without_a_python_that_fits_make_says_which_ones_do(
    pythons: dict[str, bool], options: list[str], named: str, tmp_path: Path
) -> None:
    made = make_environment(tmp_path, pythons, *options)
    assert made.returncode == 2
    assert f"make: Python 3.11, 3.12 or 3.13 is needed{named}; install one, or name one: PYTHON=" in made.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("version", "fit"), [((3, 10), False), ((3, 11), True), ((3, 12), True), ((3, 13), True), ((3, 14), False)]
)
def test_python_3_11_to_3_13_fit(version: tuple[int, int], fit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    (check,) = re.findall(r"^FITS := (.*)$", RULES, re.MULTILINE)
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as left:
        exec(check)
    assert (not left.value.code) == fit


def test_the_environment_is_the_whole_lock_checked_by_hashes(tmp_path: Path) -> None:
    make_environment(tmp_path, {"python3.11": True})
    (install,) = (tmp_path / "installs").read_text().splitlines()
    assert re.search(r"install .*--require-hashes -r requirements\.lock$", install)


def test_with_an_index_of_processor_builds_torch_comes_from_there_and_nothing_for_graphics_cards(
    tmp_path: Path,
) -> None:
    made = make_environment(tmp_path, {"python3.11": True}, "TORCH_INDEX=https://an.index/cpu")
    assert made.returncode == 0, made.stderr
    torch, rest = (tmp_path / "installs").read_text().splitlines()
    versions = [str(packages(LOCK)[name]) for name in ("torch", "torchvision")]
    assert torch.endswith(f"--no-deps --index-url https://an.index/cpu {' '.join(versions)}")
    assert re.search(r"--no-deps --require-hashes -r \.venv/requirements\.lock$", rest)
    kept = (tmp_path / ".venv/requirements.lock").read_text()
    left_out = set(packages(LOCK)) - set(packages(kept))
    assert left_out == {"torch", "torchvision"} | of_graphics_cards(set(packages(LOCK)))
    assert set(re.findall("--hash.*", kept)) < set(re.findall("--hash.*", LOCK))


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_graphics_cards_are_served_on_linux_and_cost_a_mac_nothing(python: str) -> None:
    on_linux, on_a_mac = wanted_on("linux", "x86_64", python), wanted_on("darwin", "arm64", python)
    assert on_linux - on_a_mac == of_graphics_cards(on_linux)
    assert len(of_graphics_cards(on_linux)) > 10
    assert on_a_mac - on_linux == {"appnope"}  # Jupyter's kernel: no naps while it computes


def test_the_lock_holds_what_the_project_asks_for() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, build = (
        content["project"],
        content["build-system"]["requires"],
    )  # an install without isolation builds with it
    extras = [line for extra in project["optional-dependencies"].values() for line in extra]
    asked = [*build, *project["dependencies"], *extras]
    locked = packages(LOCK)
    for requirement in map(Requirement, asked):
        (pin,) = locked[requirement.name.lower()].specifier
        assert requirement.specifier.contains(pin.version), requirement
