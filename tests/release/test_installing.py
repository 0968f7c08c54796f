"""What people are told to install is right where they are told it."""

import re
import shlex
from pathlib import Path

import pytest

from hardmine import installing
from hardmine.installing import Origin, extra, origin, upgrade

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PLACES = [*PAGES, *(ROOT / "docs").rglob("*.md"), *(ROOT / "experiments").glob("*.yaml"), ROOT / "params.yaml"]
SOURCES = [path for kind in ("*.py", "*.j2", "*.html", "*.js") for path in (ROOT / "src").rglob(kind)]


def packaged(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """As if this were an installed package of some version."""
    monkeypatch.setattr(installing, "_clone", lambda: None)
    monkeypatch.setattr(installing, "version", lambda _: version)


def test_in_a_clone_an_extra_is_asked_of_the_clone_and_newer_code_of_git() -> None:
    assert extra("onnx") == f"pip install -e {shlex.quote(f'{ROOT}[onnx]')}"
    assert upgrade() == f"Update this clone: git -C {ROOT} pull"


@pytest.mark.parametrize(
    ("version", "commit", "told", "install"),
    [
        ("0.1.0", None, "pip install --upgrade hardmine", "pip install 'hardmine>=0.1.0'"),
        ("1.2.0rc1", None, "pip install --upgrade hardmine", "pip install 'hardmine>=1.2.0rc1'"),
        ("0.1.1.dev3+g1a2b3c4d5", "1a2b3c4d5", "in a newer clone", "git checkout 1a2b3c4d5 && pip install ."),
        ("0.1.1.dev3+g1a2b3c4d5.d20260102", "1a2b3c4d5", "in a newer clone", "git checkout 1a2b3c4d5 && pip install ."),
        ("0.1.0.dev0", None, "in a newer clone", "pip install ."),
        ("0+unknown", None, "in a newer clone", "pip install ."),
    ],
)
def test_of_a_package_only_a_release_is_asked_of_an_index(
    version: str, commit: str | None, told: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged(monkeypatch, version)
    assert extra("onnx") == "pip install 'hardmine[onnx]'"
    assert told in upgrade()
    assert origin() == Origin(version, commit)
    assert origin().install.splitlines()[-1] == install
    assert ("a clone of the project's repository" in origin().install) == ("hardmine>=" not in install)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git here")
def test_a_clone_is_the_commit_that_is_checked_out_whatever_was_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "version", lambda _: "0.1.0")
    assert re.fullmatch("[0-9a-f]{40}", origin().commit or "")
    assert not origin().released


def test_no_page_tells_to_install_hardmine_but_beside_how_to_in_a_clone() -> None:
    wrong = []
    for page in PLACES:
        for paragraph in page.read_text().split("\n\n"):
            if re.search(r"pip install [^\n]*hardmine", paragraph) and "in a clone" not in paragraph:
                wrong.append(f"{page.name}: {paragraph[:200]}")
    assert wrong == []


def test_no_message_of_the_code_words_it_for_itself() -> None:
    found = [path.name for path in SOURCES if re.search(r"pip install [^\n]*hardmine", path.read_text())]
    assert found == ["installing.py"]
