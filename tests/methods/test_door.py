import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint

import pytest

from hardmine import doors
from hardmine.doors import Descriptor, Door
from hardmine.errors import UserError
from hardmine.methods.baselines.settings import NPair
from hardmine.settings import load_plan, plan_schema
from hardmine.settings.backbones import BACKBONES
from hardmine.settings.datasets import DATASETS
from hardmine.settings.methods import METHODS

OURS = Descriptor("hardmine.methods.baselines.settings:NPair", "hardmine.methods.baselines.method:Baseline")
THEIRS = Descriptor("nowhere.settings:Nothing", "nowhere.method:Nothing")


class Package:
    """A distribution that somebody installed."""

    def __init__(self, name: str) -> None:
        self.name, self.version = name, "1.2"


def entry(name: str, value: str, package: str = "theirs") -> EntryPoint:
    made = EntryPoint(name, value, "hardmine.methods")
    vars(made).update(dist=Package(package))
    return made


def door(monkeypatch: pytest.MonkeyPatch, *entries: EntryPoint, table: Mapping[str, Descriptor] | None = None) -> Door:
    monkeypatch.setattr(doors, "entry_points", lambda group: list(entries))
    return Door("method", "hardmine.methods", table or {"npair": OURS})


@pytest.fixture
def descriptors(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    (tmp_path / "theirs.py").write_text(  # type: ignore[operator]
        "from hardmine.doors import Descriptor\n"
        "GOOD = Descriptor('hardmine.methods.baselines.settings:NPair', 'theirs:missing')\n"
        "BROKEN = Descriptor('nowhere.settings:Nothing', 'nowhere')\n"
        "OTHER = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("descriptors")
def test_another_package_enters_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    found = door(monkeypatch, entry("mine", "theirs:GOOD"))
    assert list(found) == ["npair", "mine"]
    assert "mine" in found
    assert found.settings("mine") is NPair
    assert found.figures("mine") == {}
    assert found.packages("mine") == ("theirs",)
    assert found.packages("npair") == ()


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("theirs:BROKEN", "method 'mine' of theirs 1.2: cannot be imported (ModuleNotFoundError: No module named"),
        ("nowhere:BROKEN", "method 'mine' of theirs 1.2: cannot be imported (ModuleNotFoundError: No module named"),
        ("theirs:OTHER", "method 'mine' of theirs 1.2: theirs:OTHER is no hardmine.doors.Descriptor"),
    ],
)
def test_a_package_that_cannot_be_imported_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    found = door(monkeypatch, entry("mine", value))
    assert found.settings("npair") is NPair
    with pytest.raises(UserError) as caught:
        found.settings("mine")
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("descriptors")
def test_a_name_that_is_taken_is_refused_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    found = door(monkeypatch, entry("npair", "theirs:GOOD"), table={"npair": OURS, "margin": OURS})
    assert found.settings("margin") is NPair
    with pytest.raises(UserError, match=r"'npair': theirs 1\.2 brings one too, but the name is taken"):
        found.settings("npair")
    twice = door(monkeypatch, entry("mine", "theirs:GOOD"), entry("mine", "others:GOOD", "others"))
    with pytest.raises(UserError, match=r"theirs 1\.2 and others 1\.2 both bring one"):
        twice.settings("mine")


@pytest.mark.usefixtures("descriptors")
def test_a_broken_package_fails_only_the_plan_that_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = door(monkeypatch, entry("mine", "theirs:BROKEN"), table=METHODS.table)
    monkeypatch.setattr(METHODS, "_foreign", broken._foreign, raising=False)
    content = {"plan": "p", "baseline": "a", "dataset": {"name": "glyphs"}, "runs": {"a": {"method": "npair"}}}
    assert load_plan(content, "plan.yaml").runs["a"].method == "npair"
    assert "Nothing" not in str(plan_schema())
    with pytest.raises(UserError, match=r"^method 'mine' of theirs 1\.2"):
        load_plan(content | {"runs": {"a": {"method": "npair"}, "b": {"method": "mine"}}}, "plan.yaml")
    with pytest.raises(UserError, match=r"'min' is no method.*did you mean 'mine'"):
        load_plan(content | {"runs": {"a": {"method": "min"}}}, "plan.yaml")


@pytest.mark.parametrize("found", [METHODS, DATASETS, BACKBONES], ids=lambda found: found.kind)
def test_all_that_the_tables_name_is_there_and_says_its_name(found: Door) -> None:
    word = "method" if found is METHODS else "name"
    for name in found.table:
        assert found.settings(name).model_fields[word].annotation.__args__ == (name,)
        assert found.implementation(name)


@pytest.mark.parametrize("name", METHODS.table)
def test_the_figures_of_a_method_are_those_that_its_settings_name(name: str) -> None:
    assert tuple(METHODS.figures(name)) == METHODS.settings(name).diagnostics


def test_settings_and_figures_of_every_method_import_no_torch() -> None:
    probe = (
        "import sys\nfrom hardmine.settings.methods import METHODS\n"
        "for name in METHODS.table: METHODS.settings(name)\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)\n"
        "for name in METHODS.table: METHODS.figures(name)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", probe], check=True)
