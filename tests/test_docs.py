import re
from pathlib import Path

import pytest
from tiny import advance, build

from hardmine.methods import Method
from hardmine.settings.methods import METHODS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_example_of_a_new_method_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/adding-a-method.md").read_text(), re.DOTALL)
    space: dict = {}
    exec(snippet, space)
    (example,) = (v for v in space.values() if isinstance(v, type) and issubclass(v, Method) and v is not Method)
    method = example(build({"method": "random"}).setup)
    first = advance(method, 1).means()["loss"]
    assert advance(method, 20).means()["loss"] < first


def test_every_method_has_a_page() -> None:
    baselines = (ROOT / "docs/methods/baselines.md").read_text()
    for name in METHODS:
        page = ROOT / "docs/methods" / f"{name.replace('-', '_')}.md"
        assert page.exists() or ("methods.baselines." in METHODS.table[name].settings and f"`{name}" in baselines), name


@pytest.mark.parametrize("verb", ["download", "preprocess", "train", "embed", "evaluate", "figures"])
def test_every_verb_has_a_page_and_a_rule_file(verb: str) -> None:
    assert (ROOT / f"docs/{verb}.md").exists()
    assert (ROOT / f"workflow/rules/{verb}.smk").exists()


def test_every_make_target_named_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"(?:^\s+|`)make ([a-z-]+)", page.read_text(), re.MULTILINE):
            assert target in targets, f"{page.name}: make {target}"
