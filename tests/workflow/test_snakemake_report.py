"""``snakemake --report report.zip``: the figures of a finished plan with headings and captions."""

import json
import re
import zipfile
from pathlib import Path

import pytest
from project import PLAN, ROOT, Project

from hardmine.settings.methods import METHODS

pytestmark = pytest.mark.workflow
EXPECTED = {
    "Results": {"index.html", "statistics.csv", "recall.svg", "recall-at-k.svg"},
    "Training": {"curves.svg", "loss.svg"},
    "Retrieval": {"gallery.svg"},
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    base = tmp_path_factory.mktemp("archive")
    project = Project.create(base / "project", base / "remote", {**PLAN, "runs": {"a": PLAN["runs"]["a"]}})
    project.run("snakemake --cores 1")
    project.run("snakemake --report report.zip")
    return zipfile.ZipFile(project.folder / "report.zip")


def test_the_archive_holds_the_same_files_as_the_report(archive: zipfile.ZipFile) -> None:
    inside = {Path(name).name: name for name in archive.namelist()}
    report = Path(archive.filename).parent / "report/tiny"
    for names in EXPECTED.values():
        for name in names:
            (original,) = report.rglob(name)
            assert archive.read(inside[name]) == original.read_bytes(), name


def test_every_file_stands_under_its_heading_with_a_caption(archive: zipfile.ZipFile) -> None:
    (page,) = (archive.read(name).decode() for name in archive.namelist() if re.fullmatch(r"\w+/report\.html", name))
    results, categories = (read_variable(page, name) for name in ("results", "categories"))
    found = {
        category: {results[path]["name"] for paths in parts.values() for path in paths}
        for category, parts in categories.items()
    }
    assert found == EXPECTED
    for result in results.values():
        assert len(result["caption"]) > 60, result["name"]
        assert "{{" not in result["caption"]


def read_variable(page: str, name: str) -> dict:
    """The JSON object that the page's script stores under a name."""
    start = re.search(rf"(?:var|const|let) {name} = (?=\{{\")", page)
    return json.JSONDecoder().raw_decode(page, start.end())[0]


def test_every_figure_of_a_method_has_its_line_in_a_caption() -> None:
    captions = "".join(path.read_text() for path in (ROOT / "workflow/report").glob("*.rst"))
    own = [name for method in METHODS.table for name in METHODS.settings(method).diagnostics]
    assert [name for name in own if f"``{name}``" not in captions] == []
