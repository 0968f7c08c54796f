"""What a release uploads: only what tag, changelog and citation agree about, from the commit of the tag."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci/release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree(folder: Path, chapter: str, version: str) -> Path:
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## {chapter}\n\n- News.\n\n## 0.9.0 (2020-01-01)\n")
    (folder / "CITATION.cff").write_text(f"cff-version: 1.2.0\nversion: {version}\n")
    return folder


@pytest.mark.parametrize(
    ("tag", "chapter", "version", "faults"),
    [
        ("v1.2.3", "1.2.3 (2026-01-02)", "1.2.3", []),
        ("v1.2.3rc1", "1.2.3rc1 (2026-01-02)", "1.2.3rc1", []),
        ("v1.2.3", "1.2.3 (unreleased)", "1.2.3", ["CHANGELOG.md"]),
        ("v1.2.3", "1x2.3 (2026-01-02)", "1.2.3", ["CHANGELOG.md"]),
        ("v0.9.0", "1.2.3 (2026-01-02)", "1.2.3", ["CHANGELOG.md", "CITATION.cff"]),
        ("v1.2.3", "1.2.3 (2026-01-02)", "1.2.30", ["CITATION.cff"]),
        ("v1.2", "1.2 (2026-01-02)", "1.2", ["v1.2"]),
        ("1.2.3", "1.2.3 (2026-01-02)", "1.2.3", ["1.2.3"]),
    ],
)
def test_the_tag_is_what_changelog_and_citation_say(
    tag: str, chapter: str, version: str, faults: list[str], release: ModuleType, tmp_path: Path
) -> None:
    found = release.faults_of(tree(tmp_path, chapter, version), tag)
    assert [fault.partition(":")[0] for fault in found] == faults


def test_nothing_is_built_for_a_tag_that_the_project_does_not_name(release: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"release: CHANGELOG\.md: its first chapter must be '## 99\.0\.0 \(YEAR"):
        release.main("v99.0.0")


def test_metadata_of_the_wheel_are_valid_and_name_all_extras(release: ModuleType, installed: Path) -> None:
    (wheel,) = installed.parent.glob("*.whl")
    found = release.metadata_of(wheel)
    assert found.name == "hardmine"
    assert found.license_expression == "MIT"
    assert found.description_content_type == "text/markdown"
    assert {"workflow", "onnx", "timm", "serve"} <= set(found.provides_extra)


def test_the_section_on_releasing_names_what_the_script_asks_for() -> None:
    (section,) = re.findall(r"^## Releasing\n(.*?)(?=^## |\Z)", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S)
    for words in ("CHANGELOG.md", "CITATION.cff", "git tag", "make distribution TAG=", "release.yml"):
        assert words in section, words
