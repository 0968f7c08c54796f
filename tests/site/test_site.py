"""The docs site as it is built: without warnings, links that lead somewhere, no page out of reach."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

import hardmine.losses
import hardmine.miners
import hardmine.retrieval
import hardmine.synthesis

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = [path for path in DOCS.rglob("*.md") if DOCS / "kept" not in path.parents]  # results are no pages
REPOSITORY = "https://github.com/example/hardmine"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, BeautifulSoup]:
    """The pages by their paths; built once, with the command of ``make docs`` and the address of a repository."""
    folder = tmp_path_factory.mktemp("site")
    (line,) = re.findall(r"^\tsphinx-build (.*) docs build/site$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    options = [*line.replace("build/doctrees", str(folder / "doctrees")).split(), str(DOCS), str(folder / "html")]
    environment = {**os.environ, "HARDMINE_REPOSITORY": REPOSITORY}
    command = [sys.executable, "-m", "sphinx", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    pages = sorted((folder / "html").rglob("*.html"))
    return {path: BeautifulSoup(path.read_text(), "html.parser") for path in pages}


def addresses(page: BeautifulSoup) -> Iterator[str]:
    for node in page.select("[href], [src]"):
        yield node.get("href") or node["src"]


def ids(page: BeautifulSoup) -> set[str]:
    return {node["id"] for node in page.select("[id]")}


def of_source(site: dict[Path, BeautifulSoup], source: str) -> tuple[Path, BeautifulSoup]:
    """The page made of a source, a path within docs/."""
    suffix = Path(source).with_suffix(".html").as_posix()
    return next(item for item in site.items() if item[0].as_posix().endswith(f"/html/{suffix}"))


def test_no_link_within_the_site_is_dead(site: dict[Path, BeautifulSoup]) -> None:
    anchors = {path: ids(page) for path, page in site.items()}
    dead, seen = [], 0
    for path, page in site.items():
        for address in addresses(page):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or address == "#":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            alive = target.is_file() and (not parts.fragment or unquote(parts.fragment) in anchors.get(target, ()))
            seen += 1
            if not alive:
                dead.append(f"{path.name}: {address}")
    assert dead == []
    assert seen > 1000


def test_every_page_is_two_clicks_from_the_index(site: dict[Path, BeautifulSoup]) -> None:
    start, _ = of_source(site, "index.md")
    reached = {start}
    for _ in range(2):
        for path in list(reached):
            links = [urlsplit(link["href"]) for link in site[path].select("article a[href]")]
            targets = {(path.parent / unquote(link.path)).resolve() for link in links if not link.scheme}
            reached |= targets & site.keys()
    sources = [*SOURCES, *DOCS.rglob("*.ipynb")]
    assert len(sources) > 40
    assert [str(path) for path in sources if of_source(site, str(path.relative_to(DOCS)))[0] not in reached] == []


def test_the_sidebar_has_every_page_under_the_groups_of_the_index(site: dict[Path, BeautifulSoup]) -> None:
    _, index = of_source(site, "index.md")
    captions = [node.get_text() for node in index.select(".sidebar-tree .caption-text")]
    assert captions == [node.get_text().rstrip("#¶") for node in index.select("article h2")]
    listed = {link["href"].partition("#")[0] for link in index.select(".sidebar-tree a.reference.internal")}
    sources = {path.relative_to(DOCS).with_suffix(".html").as_posix() for path in SOURCES}
    assert sources - listed == {"index.html"}


def test_links_out_of_the_docs_lead_to_files_and_folders_of_the_repository(site: dict[Path, BeautifulSoup]) -> None:
    found = {address for page in site.values() for address in addresses(page) if address.startswith(REPOSITORY)}
    places = {address.removeprefix(f"{REPOSITORY}/") for address in found}
    assert {"blob/main/params.yaml", "tree/main/experiments", "blob/main/CONTRIBUTING.md"} <= places
    for place in places:
        kind, branch, path = place.partition("?")[0].split("/", 2)
        assert branch == "main"
        assert (ROOT / path).is_dir() if kind == "tree" else (ROOT / path).is_file(), place


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("losses", hardmine.losses),
        ("miners", hardmine.miners),
        ("synthesis", hardmine.synthesis),
        ("retrieval", hardmine.retrieval),
    ],
)
def test_what_a_module_offers_stands_in_the_reference(
    site: dict[Path, BeautifulSoup], source: str, module: object
) -> None:
    _, page = of_source(site, f"reference/{source}.md")
    names = {f"{module.__name__}.{name}" for name in module.__all__}  # type: ignore[attr-defined]
    assert {name for name in names if page.find("dt", id=name) is None} == set()


def test_every_key_of_a_plan_stands_in_the_reference_with_its_meaning(site: dict[Path, BeautifulSoup]) -> None:
    text = " ".join(
        of_source(site, f"reference/{name}.md")[1].select_one("article").get_text(" ")
        for name in ("plan", "plan_datasets", "plan_backbones", "plan_methods")
    )
    words = " ".join(text.split())
    schema = json.loads((ROOT / "src/hardmine/settings/plan.schema.json").read_text())
    for name, model in {"Plan": schema, **schema["$defs"]}.items():
        for key, one in model["properties"].items():
            if not name.endswith("Overrides") and "const" not in one:
                assert f" {key} " in words or f"({key} " in words, f"{name}.{key}"
    hdc = of_source(site, "reference/plan_methods.md")[1].find(id="keys-hdc").get_text(" ")
    assert "The share h of pairs each level keeps, shallow to deep" in " ".join(hdc.split())
    assert "run/<name> for another run of this plan" in words


def test_a_page_asks_no_other_server_for_anything(site: dict[Path, BeautifulSoup]) -> None:
    loaded = "script[src], link[rel=stylesheet], img[src], iframe[src]"
    for path, page in site.items():
        for node in page.select(loaded):
            address = node.get("src") or node["href"]
            assert not urlsplit(address).netloc, f"{path.name}: {address}"


def test_figures_of_the_gallery_are_those_of_the_kept_reports() -> None:
    pictures = sorted((DOCS / "images/gallery").rglob("*.svg"))
    assert len(pictures) >= 9
    assert sum(picture.stat().st_size for picture in pictures) < 1_000_000
    shown = (DOCS / "gallery.md").read_text()
    for picture in pictures:
        made = json.loads((DOCS / "kept" / picture.parent.name / "made.json").read_text())
        digest = hashlib.sha256(picture.read_bytes()).hexdigest()
        assert made["report"][f"figures/{picture.name}"] == digest, picture.name
        assert f"({picture.relative_to(DOCS).as_posix()})" in shown
