"""A plan's search for settings: points, spaces, one budget for all, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats.qmc import Sobol
from typer.testing import CliRunner

from hardmine.cli import app
from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan
from hardmine.settings.methods import METHODS
from hardmine.settings.plan import Plan
from hardmine.settings.ranges import Range
from hardmine.settings.trials import MOST_KEYS, space_of, trial_seed

TRIPLET = {"method": "triplet", "selection": "random"}
REQUIRED = {"triplet": {"selection": "random"}}


def plan_of(runs: dict[str, Any] | None = None, tuning: dict[str, Any] | None = None, **more: Any) -> Plan:
    runs = runs or {"a": TRIPLET, "b": {"method": "softmax"}}
    content = {"plan": "t", "baseline": next(iter(runs)), "dataset": {"name": "glyphs"}, "runs": runs}
    return load_plan(content | {"tuning": tuning if tuning is not None else {"trials": 9}} | more, "t.yaml")


def refused(match: str, *given: Any, **more: Any) -> None:
    with pytest.raises(UserError, match=match) as caught:
        plan_of(*given, **more)
    assert "Traceback" not in str(caught.value)


def values(plan: Plan, run: str) -> list[dict[str, Any]]:
    return [trial.values for trial in plan.trials(run)]


def test_trial_0_is_the_run_and_the_first_others_move_the_rate_alone() -> None:
    trials = values(plan_of(), "b")
    assert trials[0] == {}
    assert [list(trial) for trial in trials[1:4]] == [["training.learning_rate"]] * 3
    assert all({"temperature", "proxy_learning_rate", "training.batch.classes"} <= set(trial) for trial in trials[4:])


def test_points_are_the_scrambled_sobol_sequence_to_three_digits() -> None:
    plan = plan_of({"a": {**TRIPLET, "tune": {"margin": [0.1, 1.0]}}}, {"trials": 8, "batch": False, "seed": 7})
    for number, share in list(enumerate(Sobol(2, rng=np.random.default_rng(7)).random(8)))[4:]:
        rate, margin = float(f"{0.0001 * 100 ** share[0]:.3g}"), float(f"{0.1 * 10 ** share[1]:.3g}")
        assert plan.trials("a")[number].values == {"training.learning_rate": rate, "margin": margin}


def test_a_run_that_starts_from_other_classes_is_searched_after_them() -> None:
    warm = {"method": "softmax", "training": {"split": "warm"}}
    plan = plan_of({"b": {**TRIPLET, "weights": "run/a"}, "a": warm, "c": TRIPLET}, {"trials": 2}, seeds=[4, 5])
    jobs = {job.folder: job for job in jobs_of(plan)}
    trial, cold = jobs["tuning/t/b/trial1"], jobs["tuning/t/c/trial1"]
    assert trial.inputs == (*cold.inputs, "models/t/a/seed4")
    assert trial.where["start"] == "models/t/a/seed4"
    assert trial.settings["start"] == "run"
    assert "start" not in cold.settings
    seen: set[str] = set()
    for folder, job in jobs.items():
        assert seen.issuperset(job.inputs), folder
        seen.add(folder)


def test_points_hang_on_seed_and_space_alone() -> None:
    short, longer = plan_of(tuning={"trials": 9}), plan_of(tuning={"trials": 40})
    assert values(longer, "a")[:9] == values(short, "a")
    renamed = plan_of({"z": TRIPLET, "y": {"method": "margin"}, "a": {**TRIPLET, "selection": "hard"}})
    assert values(renamed, "z") == values(short, "a") == values(renamed, "a")
    assert values(plan_of(tuning={"trials": 9, "seed": 1}), "a")[1:] != values(short, "a")[1:]


def test_a_range_lies_around_the_run_s_own_value() -> None:
    plan = plan_of({"a": {**TRIPLET, "training": {"learning_rate": 0.02}}}, {"trials": 64, "rate_trials": 0})
    rates = [trial.training.learning_rate for trial in plan.trials("a")]
    assert rates[0] == 0.02
    assert min(rates) >= 0.002
    assert max(rates) <= 0.2
    assert min(rates) < 0.003 < 0.15 < max(rates)


@pytest.mark.parametrize("method", METHODS.table)
def test_every_method_s_space_fits_its_settings_with_a_reason_for_each_key(method: str) -> None:
    run = {"method": method, **REQUIRED.get(method, {})}
    runs = {"r": run} if method != "random" else {"r": run, "a": TRIPLET}
    plan = plan_of(runs, {"trials": 24, "images": 10**6})
    if method == "random":
        assert plan.searched == ["a"]
        return
    space = space_of(plan, "r")
    own = [key for key in space if key != "batch" and not key.startswith("training.")]
    assert 1 <= len(own) <= MOST_KEYS
    assert all(values.reason for values in space.values())
    shapes = space["batch"].choices
    assert len(shapes) >= 2
    trials = plan.trials("r")
    assert len({tuple(sorted(map(str, trial.values.items()))) for trial in trials}) == len(trials)
    assert {trial.run.method for trial in trials} == {method}


def test_trials_and_final_trainings_never_share_a_seed() -> None:
    plan = plan_of(
        tuning={"trials": 2, "folds": 64, "seed": 2**20 - 1}, dataset={"name": "glyphs", "train_letters": 500}
    )
    assert plan.tuning is not None
    assert trial_seed(plan.tuning) >= 2**31
    assert trial_seed(plan.tuning) + 63 < 2**32
    refused("seeds.0: input should be less than 2147483648", seeds=[2**31])


def test_jobs_name_trials_choice_and_table_and_training_reads_the_choice_alone() -> None:
    jobs = {job.folder: job for job in jobs_of(plan_of(runs={"a": TRIPLET, "r": {"method": "random"}}, seeds=[0]))}
    trials = tuple(f"tuning/t/a/trial{number}" for number in range(9))
    assert jobs["tuning/t/a/choice"].inputs == jobs["tuning/t/a/table"].inputs == trials
    assert jobs["models/t/a/seed0"].inputs == ("data/packed/glyphs-32", "tuning/t/a/choice")
    assert jobs["models/t/a/seed0"].settings["choice"] == "tuning/t/a/choice"
    assert jobs["models/t/r/seed0"].inputs == ("data/packed/glyphs-32",)
    assert "tuning/t/a/table" in jobs["report/t"].inputs
    assert not any("tuning/t/r" in folder for folder in jobs)
    for trial in trials:
        assert jobs[trial].outputs == ("scores.json",)
        assert not {"run", "trial"} & jobs[trial].settings.keys()
    assert jobs[trials[0]].settings["method"] == jobs["models/t/a/seed0"].settings["method"]


def test_a_plan_that_tunes_nothing_has_no_such_jobs() -> None:
    content = {"plan": "t", "baseline": "a", "dataset": {"name": "glyphs"}, "runs": {"a": TRIPLET}}
    jobs = jobs_of(load_plan(content, "t"))
    assert "tune" not in {job.verb for job in jobs}
    assert not any("choice" in job.settings for job in jobs)


def test_like_takes_the_keys_that_both_runs_have() -> None:
    runs = {"a": {"method": "contrastive"}, "b": {**TRIPLET, "like": "a"}, "c": {"method": "lifted", "tune": {}}}
    jobs = {job.folder: job for job in jobs_of(plan_of(runs, {"trials": 6, "rate_trials": 0}, seeds=[0]))}
    assert jobs["models/t/b/seed0"].settings["choice"] == "tuning/t/a/choice"
    assert jobs["models/t/b/seed0"].settings["taken"] == [
        "margin",
        "training.batch.classes",
        "training.batch.images_per_class",
        "training.learning_rate",
    ]
    assert list(space_of(plan_of(runs), "c")) == ["training.learning_rate", "batch"]
    assert not any("tuning/t/b" in folder for folder in jobs)


def test_keys_of_training_are_searched_for_every_run() -> None:
    shared = {"training.learning_rate": [0.0001, 0.01], "training.head_rate": [0.5, 20]}
    plan = plan_of(tuning={"trials": 4, "shared": shared, "batch": False})
    for run in ("a", "b"):
        assert list(space_of(plan, run))[:2] == list(shared)


@pytest.mark.parametrize(
    ("tune", "match"),
    [
        ({"margin": [0.5, 0.1]}, "low: 0.5 is not below high: 0.1; the range is empty"),
        ({"margin": [0.5, 0.5]}, "the range is empty"),
        ({"margin": [0, 1]}, "low: 0 has no logarithm"),
        ({"margin": [1]}, r"\[1\] is no range; write \[low, high\]"),
        ({"margin": {"choices": [0.1]}}, "leaves nothing to choose"),
        ({"margin": {"choices": [0.1, 0.1]}}, "has a value twice"),
        ({"margin": {"choices": 3}}, "3 is no list"),
        ({"margin": {"low": 0.1}}, "low and high are both needed"),
        ({"margin": {"low": 0.1, "high": 1, "choices": [1, 2]}}, "not both"),
        ({"margim": [0.1, 1]}, "triplet has no key 'margim' to search .did you mean 'margin'"),
        ({"training.learning_rate": [0.1, 1]}, "keys of training go into tuning.shared"),
        ({"backbone": {"choices": [{}, {"width": 8}]}}, "triplet has no key 'backbone'"),
        ({"selection.x": {"choices": [1, 2]}}, "triplet has no key 'selection.x'"),
        ({"selection": {"choices": ["hard", "hrd"]}}, "trial .* contradicts itself"),
        ({"margin": [-1, 1, "linear"]}, "trial .* contradicts itself: Input should be greater than 0"),
        ({"selection": {"low": 0.1, "high": 2, "relative": True}}, "its value is 'random', which has no multiples"),
        ({f"k{number}": [0.1, 1] for number in range(6)}, "6 keys are more than 5"),
    ],
)
def test_a_bad_space_is_refused_by_name(tune: dict[str, Any], match: str) -> None:
    refused(f"(?s)runs.a.*{match}", {"a": {**TRIPLET, "tune": tune}}, {"trials": 32})


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_nothing_has_multiples_of_0(scale: str) -> None:
    decay = {"low": 0.1, "high": 10, "relative": True, "scale": scale}
    shared = {"training.learning_rate": [0.0001, 0.01], "training.weight_decay": decay}
    refused("weight_decay: its value is 0.*has no multiples", {"a": TRIPLET}, {"trials": 8, "shared": shared})


@pytest.mark.parametrize(
    ("runs", "tuning", "match"),
    [
        ({"a": TRIPLET, "b": {**TRIPLET, "like": "c"}}, {}, "there is no run 'c'"),
        ({"a": TRIPLET, "b": {**TRIPLET, "like": "r"}, "r": {"method": "random"}}, {}, "has no search of its own"),
        ({"a": TRIPLET, "r": {"method": "random", "like": "a"}}, {}, "random, which trains nothing"),
        ({"a": TRIPLET, "b": {**TRIPLET, "like": "a"}, "c": {**TRIPLET, "like": "b"}}, {}, "has no search of its own"),
        ({"a": TRIPLET, "b": {**TRIPLET, "like": "a", "tune": {}}}, {}, "contradict each other"),
        (
            {"a": {"method": "hdc"}, "b": {"method": "hdc", "ratios": [1, 1, 1], "like": "a"}},
            {"trials": 9},
            r"runs\.b\.like: would replace its ratios with what is found for a",
        ),
        ({"a": TRIPLET, "r": {"method": "random", "tune": {}}}, {}, "random trains nothing"),
        (
            {"a": TRIPLET, "b": {**TRIPLET, "weights": "run/a"}},
            {},
            "starts from the run 'a', which has learned the classes",
        ),
        ({"a": TRIPLET, "b": {**TRIPLET, "training": {"images": 9000}}}, {}, "set tuning.images"),
        ({"a": TRIPLET}, {"folds": 101}, "less than or equal to 64"),
        ({"a": TRIPLET}, {"folds": 1}, "greater than or equal to 2"),
        ({"a": TRIPLET}, {"trials": 0}, "greater than or equal to 1"),
        ({"a": TRIPLET}, {"shared": {"training.learning_rte": [1, 2]}}, "did you mean 'training.learning_rate'"),
        ({"a": TRIPLET}, {"shared": {"margin": [1, 2]}}, "there is no key 'margin' of training"),
        ({"a": TRIPLET}, {"shared": {"training.warmup_steps": {"choices": [0, 300]}}}, "warmup_steps begins to act"),
        (
            {"a": {"method": "hdml", "calibrate": True, "average_block": 300}},
            {},
            "average_block begins to act after 38,400",
        ),
        ({"a": {"method": "smart-mining", "random_epochs": 4}}, {}, "random_epochs begins to act after"),
        ({"a": {"method": "schem", "warmup_steps": 500}}, {}, "warmup_steps begins to act after 25,000"),
        ({"a": {"method": "xbm", "start_epochs": 9}}, {"images": 20000}, "start_epochs begins to act after"),
        ({"a": {"method": "hdc", "warm_epochs": 9}}, {"images": 20000}, "warm_epochs begins to act after"),
    ],
)
def test_what_cannot_be_compared_or_cannot_act_is_refused(
    runs: dict[str, Any], tuning: dict[str, Any], match: str
) -> None:
    refused(match, runs, {"trials": 3, **tuning})


def test_a_mechanism_that_waits_for_a_share_of_the_training_acts_in_short_trials_too() -> None:
    runs = {name: {"method": name} for name in ("htl", "quadruplet", "daml", "htg")}
    assert len(plan_of(runs, {"trials": 3, "images": 3000}).trials("daml")) == 3


def test_runs_on_the_warm_letters_have_batches_of_as_many_as_a_fold_leaves() -> None:
    plan = plan_of({"warm": {"method": "softmax", "training": {"split": "warm"}}}, {"trials": 40})
    assert plan.classes_in_fold("warm") == 42
    assert max(trial.training.batch.classes for trial in plan.trials("warm")) == 25


def test_folds_must_leave_classes_for_a_batch_and_two_in_each_part() -> None:
    few = {"name": "glyphs", "train_letters": 9}
    refused("5 parts of 9 training classes leave fewer than two in a part; at most 4", None, {"folds": 5}, dataset=few)
    refused("a batch has images of 25 classes, but with 3 folds of 9 training classes a trial has 6", dataset=few)


def test_keys_of_tuning_without_tuning_are_refused() -> None:
    content = {"plan": "t", "baseline": "a", "dataset": {"name": "glyphs"}, "runs": {"a": {**TRIPLET, "tune": {}}}}
    with pytest.raises(UserError, match=r"runs\.a\.tune: the plan tunes nothing"):
        load_plan(content, "t")


def test_unequal_budgets_are_allowed_where_the_papers_rule_is_followed() -> None:
    runs = {"a": TRIPLET, "b": {**TRIPLET, "training": {"images": 9000}}}
    plan = plan_of(runs, {"trials": 2}, evaluation={"protocol": "paper"})
    assert [plan.trial_images(plan.trials(run)[0]) for run in runs] == [24000, 9000]
    assert plan_of(runs, {"trials": 2, "images": 5000}).searched == ["a", "b"]


def test_ranges_give_values_and_distances() -> None:
    log, linear, choice = Range(low=1, high=100), Range(low=0, high=10, scale="linear"), Range(choices=("a", "b", "c"))
    assert [log.at(share) for share in (0, 0.5, 0.75)] == [1, 10, 31.6]
    assert [linear.at(share) for share in (0, 0.333, 0.5)] == [0, 3.33, 5]
    assert [choice.at(share) for share in (0, 0.34, 0.999)] == ["a", "b", "c"]
    assert log.gap(1, 10) == pytest.approx(0.5)
    assert linear.gap(2, 7) == pytest.approx(0.5)
    assert [choice.gap("a", "a"), choice.gap("a", "b")] == [0, 1]


def test_a_choice_that_is_the_run_s_own_value_is_no_step_away_from_it() -> None:
    choices = {"ratios": {"choices": [[1, 0.5, 0.2], [1, 1, 1]]}}
    plan = plan_of({"a": {"method": "hdc", "tune": choices}}, {"trials": 16, "batch": False, "rate_trials": 0})
    for trial in plan.trials("a")[1:]:
        rate = plan.trials("a")[0].training.learning_rate
        step = abs(np.log10(trial.training.learning_rate / rate)) / 2
        other = trial.values["ratios"] != [1, 0.5, 0.2]
        assert trial.distance == pytest.approx(np.hypot(step, other), abs=1e-3)


def test_check_says_what_tuning_costs_and_refuses_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        "plan: t\nbaseline: a\ndataset: {name: glyphs}\ntuning: {trials: 4}\nruns: {a: {method: softmax}}\n"
    )
    assert (
        "tuning: 1 runs, 4 trials, 3 trainings each" in CliRunner().invoke(app, ["check", "--plan", str(path)]).output
    )
    path.write_text(path.read_text().replace("trials: 4", "trials: 4, folds: 200"))
    found = CliRunner().invoke(app, ["check", "--plan", str(path)])
    assert isinstance(found.exception, UserError)


def test_trials_write_checkpoints_as_often_as_trainings_and_keep_what_a_run_switches_off() -> None:
    training = {"checkpoint_seconds": 300, "augmentation": {"crop": 20, "shift": 0, "crop_scale": [0.2, 1]}}
    run = {**TRIPLET, "training": {"augmentation": {"crop_scale": None}}}
    content = {"plan": "p", "baseline": "a", "dataset": {"name": "glyphs"}, "runs": {"a": run}}
    plan = load_plan({**content, "training": training, "tuning": {"trials": 4}}, "p")
    for trial in plan.trials("a"):
        assert trial.training.checkpoint_seconds == 300
        assert trial.training.augmentation.crop_scale is None
