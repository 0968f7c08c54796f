"""The choice among trials, its table, and the settings that come of it."""

import csv
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hardmine.artefacts import Job
from hardmine.errors import UserError
from hardmine.figures.tuned import expected_best
from hardmine.settings import chosen_runs, jobs_of, load_plan
from hardmine.training.choice import Scored, choose, chosen_trial, tabulate
from hardmine.training.resolved import with_choice


def scored(*folds: float, distance: float = 0.0) -> Scored:
    return Scored({}, distance, folds, folds, ())


def test_the_best_mean_is_chosen_and_the_first_of_equal_ones() -> None:
    assert chosen_trial([scored(0.1, 0.2), scored(0.3, 0.2), scored(0.2, 0.3)], "best") == 1


def test_within_one_standard_error_the_nearest_to_trial_0_is_chosen() -> None:
    """Trial 2 is ahead by (0.03, 0.01, 0.05), standard error 0.0115, and by (0.01, -0.01, 0.01), 0.0067."""
    trials = [
        scored(0.27, 0.39, 0.45, distance=0.0),
        scored(0.29, 0.41, 0.49, distance=0.4),
        scored(0.30, 0.40, 0.50, distance=0.9),
        scored(0.30, 0.40, 0.49, distance=0.5),
    ]
    assert chosen_trial(trials, "best") == 2
    assert chosen_trial(trials, "one-standard-error") == 1


def test_where_all_failed_the_own_settings_stay() -> None:
    trials = [scored(0.0, 0.0, distance=0.0), scored(0.0, 0.0, distance=1.0)]
    assert [chosen_trial(trials, rule) for rule in ("best", "one-standard-error")] == [0, 0]


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Three trials of two folds: the own settings, a better one, one of which a fold collapsed."""
    monkeypatch.chdir(tmp_path)
    points = [
        {"values": {}, "distance": 0.0},
        {"values": {"training.learning_rate": 0.002}, "distance": 0.1},
        {"values": {"training.learning_rate": 0.9, "margin": 0.3}, "distance": 0.7},
    ]
    scores = [(0.2, 0.3), (0.3, 0.5), (0.6, 0.0)]
    for number, folds in enumerate(scores):
        folder = Path("tuning/t/a", f"trial{number}")
        folder.mkdir(parents=True)
        rows = [{"map@r": score, "recall@1": 2 * score, "failed": "" if score else "collapsed"} for score in folds]
        (folder / "scores.json").write_text(json.dumps({"folds": rows}))
    settings = {"rule": "best", "trials": points, "rate_trials": 1}
    inputs = tuple(f"tuning/t/a/trial{number}" for number in range(3))
    return Job("t", "tune", "tuning/t/a/choice", ("chosen.json",), inputs, settings, {})


def test_chosen_json_has_the_chosen_values_alone(job: Job, tmp_path: Path) -> None:
    choose(job, tmp_path)
    assert (tmp_path / "chosen.json").read_text() == '{\n "values": {\n  "training.learning_rate": 0.002\n }\n}\n'


def test_the_table_has_every_trial_with_errors_failures_and_the_choice(job: Job, tmp_path: Path) -> None:
    tabulate(job, tmp_path)
    rows = list(csv.DictReader((tmp_path / "trials.csv").open()))
    assert [row["searched"] for row in rows] == ["own", "rate", "all"]
    assert [row["chosen"] for row in rows] == ["", "yes", ""]
    assert [row["failed"] for row in rows] == ["0", "0", "1"]
    assert [row["margin"] for row in rows] == ["", "", "0.3"]
    assert [float(row["map@r"]) for row in rows] == pytest.approx([0.25, 0.4, 0.3])
    assert float(rows[1]["map@r_se"]) == pytest.approx(0.1)  # (0.5 - 0.3) / 2
    assert float(rows[0]["below_best"]) == pytest.approx(0.15)
    assert float(rows[0]["below_best_se"]) == pytest.approx(0.05)  # differences 0.1 and 0.2


def test_a_damaged_score_is_named(job: Job, tmp_path: Path) -> None:
    Path("tuning/t/a/trial1/scores.json").write_text('{"folds": [{}]}')
    with pytest.raises(UserError, match=r"tuning/t/a/trial1/scores\.json: cannot be read"):
        choose(job, tmp_path)


def test_the_expected_best_of_n_trials_is_the_mean_over_all_draws() -> None:
    scores = [0.3, 0.1, 0.7, 0.7, 0.2]
    for count, found in enumerate(expected_best(scores), start=1):
        assert found == pytest.approx(np.mean([max(drawn) for drawn in combinations(scores, count)]))


RUNS: dict[str, Any] = {
    "a": {"method": "triplet", "selection": "hard", "training": {"batch": {"classes": 10, "images_per_class": 10}}},
    "hdml": {"method": "hdml", "calibrate": True, "metric_average": "metric", "average_block": 20, "batch_size": 60},
    "hdc": {
        "method": "hdc",
        "ratios": [1, 0.2],
        "taps": ["block3", "block4"],
        "rate_multipliers": {"trunk_weights": 2},
    },
    "schem": {"method": "schem", "backbone": {"width": 8}},
    "smart": {"method": "smart-mining", "random_epochs": 1},
    "like": {"method": "triplet", "selection": "random", "like": "a", "training": {"warmup_steps": 5}},
    "r": {"method": "random"},
}


def test_what_training_resolves_is_what_the_trial_had_and_what_a_pasted_plan_trains() -> None:
    content: dict[str, Any] = {"plan": "t", "baseline": "a", "seeds": [0], "dataset": {"name": "glyphs"}, "runs": RUNS}
    plan = load_plan(content | {"tuning": {"trials": 9}}, "t")
    jobs = {job.folder: job for job in jobs_of(plan)}
    for number in range(9):
        chosen = {run: plan.trials(run)[number].values for run in plan.searched}
        pasted = chosen_runs(plan, chosen)
        untuned = {job.folder: job for job in jobs_of(load_plan(content | {"runs": pasted}, "pasted"))}
        for run in RUNS:
            training = jobs[f"models/t/{run}/seed0"].settings
            wanted = untuned[f"models/t/{run}/seed0"].settings
            resolved = with_choice(training, chosen[RUNS[run].get("like", run)]) if run != "r" else training
            assert {key: resolved[key] for key in wanted} == wanted
            if run in plan.searched:
                trial = jobs[f"tuning/t/{run}/trial{number}"].settings
                assert {key: trial[key] for key in ("method", "training")} == {
                    key: resolved[key] for key in ("method", "training")
                }
