"""What a plan asks of its runs: refused where it names none, and nothing that a training hangs on."""

from typing import Any

import pytest

from hardmine.errors import UserError
from hardmine.settings import chosen_runs, jobs_of, load_plan
from hardmine.settings.methods import METHODS
from hardmine.settings.plan import Plan
from hardmine.settings.run import RunSettings

RUNS = {"base": {"method": "triplet", "selection": "random"}, "mined": {"method": "triplet", "selection": "hard"}}
NAMED = {"base": RUNS["base"], "mined": RUNS["mined"] | {"control": "base", "base_run": "base"}}
MINED = RUNS["mined"]
ASKED = [{"ask": "Does mining pay?", "run": "mined", "against": "base"}]


def plan_of(runs: dict[str, Any] = RUNS, **more: Any) -> Plan:
    content = {"plan": "p", "baseline": "base", "dataset": {"name": "glyphs"}, "runs": runs, "tuning": {"trials": 5}}
    return load_plan(content | more, "p.yaml")


def test_controls_bases_and_questions_change_no_job() -> None:
    assert jobs_of(plan_of(NAMED, questions=ASKED)) == jobs_of(plan_of())


def test_a_pasted_run_keeps_its_control_and_its_base() -> None:
    plan = plan_of(NAMED)
    pasted = chosen_runs(plan, {"base": {"margin": 0.3}, "mined": {}})
    assert {key: pasted["mined"][key] for key in ("control", "base_run")} == {"control": "base", "base_run": "base"}
    assert not {"control", "base_run"} & set(pasted["base"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"runs": RUNS | {"mined": MINED | {"control": "bas"}}},
            r"runs\.mined\.control: there is no run 'bas'",
        ),
        ({"runs": RUNS | {"mined": MINED | {"base_run": "mined"}}}, "base_run: 'mined' is the run itself"),
        (
            {"questions": [ASKED[0] | {"run": "mind"}]},
            r"there is no run 'mind' \(did you mean 'mined'",
        ),
        ({"questions": [ASKED[0] | {"against": "mined"}]}, r"questions\.0\.against: 'mined' is the run itself"),
        (
            {"questions": [*ASKED, {"ask": "?", "run": "base", "against": "mined"}]},
            r"questions\.1: compares the",
        ),
        ({"questions": [{"run": "mined", "against": "base"}]}, r"questions\.0\.ask: is missing"),
        ({"questions": [ASKED[0] | {"why": "x"}]}, r"questions\.0\.why: unknown key"),
        ({"questions": ASKED * 9}, "questions: tuple should have at most 8 items"),
    ],
)
def test_what_asks_about_no_run_is_refused_with_its_key(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        plan_of(**change)


def test_no_method_has_a_key_of_the_same_name() -> None:
    for name in METHODS:
        model = METHODS.settings(name)
        for key in ("control", "base_run"):
            assert model.model_fields[key].annotation == RunSettings.model_fields[key].annotation, f"{name}.{key}"
