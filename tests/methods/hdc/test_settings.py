"""HDC's settings: aliases, switches as YAML reads them, and what is refused."""

from pathlib import Path

import pytest
import yaml

from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan, read_plan

ROOT = Path(__file__).parents[3]


def run_of(text):
    plan = {"plan": "p", "baseline": "hdc", "dataset": {"name": "glyphs"}, "runs": {"hdc": {"method": "hdc"}}}
    plan["runs"]["hdc"] |= yaml.safe_load(text) or {}
    return load_plan(plan, "plan.yaml").runs["hdc"]


def test_defaults_are_those_of_the_released_code():
    run = run_of("")
    assert (run.ratios, run.selection, run.ratio_base, run.neg_counting) == ((1, 0.5, 0.2), "own", "all", "ordered")
    assert (run.legacy_grad, run.fixed_list, run.sgd_style, run.aux_init) == (False, 0, "torch", "pretrained")
    assert (run.margin, run.negative_factor, run.head_dropout, run.last_dropout) == (1, 10, 0.7, 0.4)
    assert run.rate_multipliers.model_dump() == {
        "trunk_weights": 1, "trunk_biases": 2, "embedding_weights": 10, "embedding_biases": 20
    }  # fmt: skip
    assert run.weights_of_levels == (1, 2, 3)


def recorded(hdc, **others):
    runs = {"hdc": {"method": "hdc", **hdc}, **others}
    plan = {"plan": "p", "seeds": [0], "baseline": "hdc", "dataset": {"name": "glyphs"}, "runs": runs}
    jobs = jobs_of(load_plan(plan, "plan.yaml"))
    train, embed = (next(j for j in jobs if j.verb == verb and j.where["run"] == "hdc") for verb in ("train", "embed"))
    told = [train.settings["method"], embed.settings["method"], jobs[-1].settings["runs"]["hdc"]]
    assert len({(settings["aux_init"], str(settings["rate_multipliers"])) for settings in told}) == 1
    rates = told[0]["rate_multipliers"]
    return told[0]["aux_init"], (rates["head_weights"], rates["head_biases"])


def test_the_record_says_whether_heads_started_from_another_run_and_at_which_rates_they_learned():
    warm = {"method": "hdc", "training": {"split": "warm"}}
    softmax = {"method": "softmax", "training": {"split": "warm"}}
    assert recorded({}) == ("random", (10, 20))
    assert recorded({"weights": "run/warm"}, warm=warm) == ("pretrained", (1, 2))
    assert recorded({"weights": "run/warm", "aux_init": "random"}, warm=warm) == ("random", (10, 20))
    assert recorded({"weights": "run/warm"}, warm=softmax) == ("random", (10, 20))
    assert recorded({"rate_multipliers": {"head_weights": 4}}) == ("random", (4, 20))


@pytest.mark.parametrize("path", ["params.yaml", "experiments/glyphs-full.yaml"])
def test_heads_learn_as_the_trunk_does_where_a_plan_gives_every_layer_the_same_rate(path):
    plan = read_plan(ROOT / path)
    rates = plan.resolved(plan.runs["hdc"]).rate_multipliers.model_dump()
    assert set(rates.values()) == {1}
    assert len(rates) == 6


@pytest.mark.parametrize(
    ("alias", "selection"), [("code", "own"), ("paper", "nested_prev"), ("nested_own", "nested_own")]
)
def test_aliases_resolve_before_anything_is_written(alias, selection):
    assert run_of(f"selection: {alias}").own()["selection"] == selection


@pytest.mark.parametrize(("text", "length"), [("0", 0), ("'off'", 0), ("5000", 5000), ("'10000'", 10000)])
def test_the_list_of_batches_is_off_or_a_number(text, length):
    assert run_of(f"fixed_list: {text}").fixed_list == length


@pytest.mark.parametrize(("text", "value"), [("on", True), ("off", False), ("'on'", True)])
def test_the_legacy_gradient_is_on_or_off(text, value):
    assert run_of(f"legacy_grad: {text}").legacy_grad is value


def test_test_weights_do_not_enter_training():
    assert "test_weights" not in run_of("test_weights: [1, 1, 2]").own(for_training=True)
    assert run_of("test_weights: [1, 1, 2]").own()["test_weights"] == [1, 1, 2]


def test_a_single_level_needs_no_other_key():
    run = run_of("ratios: [0.2]")
    assert (run.taps, run.weights_of_levels) == ((), (1,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ratios: [1, 0.5, 0]", "ratios.2: input should be greater than 0"),
        ("ratios: [1.5]", "ratios.0: input should be less than or equal to 1"),
        ("ratios: [.nan]", "ratios.0"),
        ("ratios: []", "ratios: tuple should have at least 1 item"),
        ("ratios: [1, 1, 1, 1]", "ratios: tuple should have at most 3 items"),
        ("taps: [block3, block4]", "taps has 2 entries and ratios has 3"),
        ("test_weights: [1, 2]", "test_weights has 2 entries and ratios has 3"),
        ("test_weights: [1, 2, 0]", "test_weights.2: input should be greater than 0"),
        ("taps: [block2, block2, block4]", "names a tap twice"),
        ("selection: nested", "did you mean 'nested_own'"),
        ("ratio_base: al", "did you mean 'all'"),
        ("neg_counting: both", "allowed: ordered, unordered"),
        ("sgd_style: cafe", "did you mean 'caffe'"),
        ("aux_init: zero", "allowed: pretrained, random"),
        ("fixed_list: on", "fixed_list: true is a truth value, which has no meaning here; write a number"),
        ("fixed_list: -1", "fixed_list: input should be greater than or equal to 0"),
        ("head_dropout: 1", "head_dropout: input should be less than 1"),
        ("ratio: [1]", "did you mean 'ratios'"),
    ],
)
def test_what_is_refused_is_named_with_what_is_allowed(text, message):
    with pytest.raises(UserError) as error:
        run_of(text)
    assert message in str(error.value)
    assert "runs.hdc" in str(error.value)
