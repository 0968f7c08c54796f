import dataclasses
import importlib
import math
import re
from math import sqrt
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from scipy.stats import ttest_1samp
from tiny import advance, build

from hardmine.settings import read_plan
from hardmine.settings.methods import METHODS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_page_on_adding_a_method_shows_the_files_of_the_example_word_for_word() -> None:
    files = "".join(path.read_text() for path in sorted((ROOT / "examples/own-method/src/own_method").glob("*.py")))
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs/adding-a-method.md").read_text(), re.DOTALL)
    assert len(snippets) == 4
    for snippet in snippets:
        assert snippet in files


def test_the_example_of_a_new_method_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples/own-method/src")
    own = importlib.import_module("own_method.method")
    setup = build({"method": "random"}).setup
    run = own.EasyPositive(method="easy-positive")
    method = own.EasyPositiveMethod(dataclasses.replace(setup, run=run))
    first = advance(method, 1).means()["loss"]
    assert advance(method, 20).means()["loss"] < first


def test_the_loss_of_the_example_is_what_a_loop_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples/own-method/src")
    own = importlib.import_module("own_method.method")
    vectors = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
    labels = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    unit = [row / row.norm() for row in vectors]
    terms = []
    for a in range(12):
        easy = max(float(unit[a] @ unit[p]) for p in range(12) if p != a and labels[p] == labels[a])
        hard = max(float(unit[a] @ unit[n]) for n in range(12) if labels[n] != labels[a])
        terms.append(-math.log(math.exp(easy / 0.5) / (math.exp(easy / 0.5) + math.exp(hard / 0.5))))
    value, _ = own.easy_positive_loss(vectors, torch.tensor(labels), 0.5)
    assert float(value) == pytest.approx(sum(terms) / 12, rel=1e-5)


def test_the_plan_for_own_pictures_has_the_loss_to_begin_with_from_a_pretrained_network() -> None:
    (row,) = re.findall(
        r"^\| pretrained network, a short training .*$", (ROOT / "docs/methods/which-loss.md").read_text(), re.M
    )
    assert row.split("|")[2].strip() == "`multi-similarity` with `miner: false`"
    plan = read_plan(ROOT / "experiments/folder.yaml")
    run = plan.runs["multi-similarity"]
    assert (run.method, run.miner) == ("multi-similarity", False)
    assert run.training == plan.runs[plan.baseline].training  # batch, rate and images of the baseline
    page = (ROOT / "docs/image_search.md").read_text()
    assert all(f"]({name})" in page for name in ("methods/which-loss.md", "tune.md", "rehearsal.md"))


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


def test_what_the_docs_show_as_yaml_is_yaml() -> None:
    for page in PAGES:
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            assert yaml.safe_load(block), f"{page}: {block}"


def test_tables_of_the_docs_are_those_of_the_kept_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs/kept")
    tables = importlib.import_module("tables")
    for page in tables.pages():
        assert tables.page_with_tables(page.read_text()) == page.read_text(), f"{page}: run make tables"
    headers = tables.plans_with_headers()
    assert {path.stem for path in headers} >= {path.stem for path in (ROOT / "experiments").glob("*.yaml")}
    for path, text in headers.items():
        assert path.read_text() == text, f"{path}: run make tables"


def test_numbers_in_the_text_are_those_of_the_kept_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs/kept")
    reading, prose = importlib.import_module("reading"), importlib.import_module("prose")
    for module in (reading, prose):
        monkeypatch.setattr(module, "HERE", tmp_path)
    rows = [
        f"{run},{seed},{metric},{value}"
        for metric, base in (("recall,1", 0.5), ("map@r,", 0.2))
        for run, gain in (("a", 0.0), ("b", 0.1))
        for seed, value in enumerate((base + gain, base + gain + 0.02 + gain / 10))
    ]
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan/replicates.csv").write_text("\n".join(("run,seed,metric,k,value", *rows)) + "\n")
    text = (
        "<!-- numbers: plan recall@1 --> 0.0<!-- a -->, 0.0 ± 0.0<!-- b a --> and -0.0<!-- a b -->; "
        "in MAP@R 0.0<!-- map@r b -->; 7.0 is no such number."
    )
    assert prose.with_numbers(text) == (
        "<!-- numbers: plan recall@1 --> 51.0<!-- a -->, 10.5 ± 6.4<!-- b a --> and -10.5<!-- a b -->; "
        "in MAP@R 31.5<!-- map@r b -->; 7.0 is no such number."
    )
    with pytest.raises(SystemExit, match="plan has no such run"):
        prose.with_numbers("<!-- numbers: plan recall@1 --> 0.0<!-- a c -->")


def test_what_a_search_says_of_run_and_control_is_taken_at_equal_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs/kept")
    monkeypatch.setattr(importlib.import_module("reading"), "HERE", tmp_path)
    searches = importlib.import_module("searches")
    (tmp_path / "plan").mkdir()
    shared = "trial,searched,training.learning_rate,{own}map@r,chosen\n"
    (tmp_path / "plan/trials-mined.csv").write_text(
        shared.format(own="ratio,") + "0,own,,,0.3,\n1,rate,0.1,,0.5,\n2,all,0.2,0.7,0.6,yes\n"
    )
    (tmp_path / "plan/trials-unmined.csv").write_text(
        shared.format(own="") + "0,own,,0.4,\n1,rate,0.1,0.4,yes\n2,all,0.3,0.2,\n"
    )
    runs = {"mined": SimpleNamespace(control="unmined"), "like": SimpleNamespace(control="mined")}
    plan = SimpleNamespace(plan="plan", runs=runs)
    assert searches.of_search(plan, "mined", "unmined") == ("1 of 2", "-10.0 to +10.0", "+20.0")
    assert searches.same_choice(plan, "mined", "unmined") == "no"
    assert searches.of_search(plan, "mined", "other") is None
    assert searches.of_search(plan, "like", "mined") is None
    assert searches.same_choice(plan, "like", "mined") == "yes"


def test_draws_that_share_test_classes_tell_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs/kept")
    p = importlib.import_module("across").p_overlapping
    gaps = [1.0, 2.0, 6.0]
    assert p(gaps, 0.0) == pytest.approx(ttest_1samp(gaps, 0.0).pvalue)
    # With half of the classes in common the error is sqrt((1 + 2 / 2) / (1 / 2)) = 2 times as large: t = 1, 2 degrees.
    gaps = [2 - 2 * sqrt(3), 2.0, 2 + 2 * sqrt(3)]
    assert p(gaps, 0.0) == pytest.approx(1 - 1 / sqrt(3))
    assert p([2 - sqrt(3), 2.0, 2 + sqrt(3)], 0.5) == pytest.approx(1 - 1 / sqrt(3))


def test_the_reality_check_asks_what_its_plans_ask() -> None:
    page = (ROOT / "docs/reality-check.md").read_text()
    asked = re.findall(r"^\| \d \| (.+?)(?: \(photographs\))? \| `(.+?)` \| `(.+?)` \|$", page, re.MULTILINE)
    for path in sorted((ROOT / "experiments").glob("reality-*.yaml")):
        plan = yaml.safe_load(path.read_text())
        questions = [(one["ask"], one["run"], one["against"]) for one in plan["questions"]]
        assert questions == [one for one in asked if {one[1], one[2]} <= set(plan["runs"])], path
    assert len(asked) == 8


def test_a_run_is_compared_with_its_base_or_with_the_run_that_its_name_begins_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs/kept")
    varied = importlib.import_module("tables")._varied
    names = {"one", "bier", "bier-adversarial", "htg", "htg-base"}
    bases = {"bier": "one", "htg": "htg-base"}
    found = {name: varied(name, names, bases) for name in (*names, "bier-adversarial-low", "htg-base-longer", "bierce")}
    assert found == {
        "one": None,
        "bier": "one",
        "bier-adversarial": "bier",
        "bier-adversarial-low": "bier-adversarial",
        "htg": "htg-base",
        "htg-base": None,
        "htg-base-longer": "htg-base",
        "bierce": None,
    }
