"""The files by which people and machines find, cite and join the project."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_citation_names_the_licence_of_the_package_and_the_newest_chapter_of_the_changelog() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    chapters = re.findall(r"^## (\S+) \((.*)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == PROJECT["license"]
    assert citation["version"] == chapters[0][0]
    assert [version for version, when in chapters if not re.fullmatch(r"\d{4}-\d\d-\d\d|unreleased", when)] == []
    assert [one["year"] for one in citation["references"]] == [2017, 2017, 2019, 2019]


def test_the_workflow_has_what_the_catalog_asks_for() -> None:
    catalog = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(catalog["software-stack-deployment"]) == {"conda", "singularity", "singularity+conda"}
    assert catalog["report"] is True
    for name in ("README.md", "LICENSE", "workflow/Snakefile", "config/README.md"):
        assert (ROOT / name).is_file(), name
    assert "Snakemake workflow" in (ROOT / "README.md").read_text()[:800]


def test_links_of_the_pages_beside_the_docs_lead_somewhere() -> None:
    for page in (ROOT / "config/README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_targets_that_the_newcomer_is_told_of_exist() -> None:
    targets = set(re.findall(r"make ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text()))
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_hooks_and_forms_can_be_read_and_hooks_are_what_lint_runs() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    lint = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    for hook in local["hooks"]:
        assert hook["entry"].split()[0] in lint, hook
    for form in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        content = yaml.safe_load(form.read_text())
        if form.name != "config.yml":
            assert {"name", "description", "body"} <= set(content)
            for part in content["body"]:
                assert part["type"] in ("textarea", "input")
                assert part["attributes"]["label"]
