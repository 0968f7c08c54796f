from pathlib import Path

import pandas as pd

from hardmine.figures.recommendation import recommend, recommended_run, training_seconds


def details(runs: dict[str, list[float]], split: str = "validation") -> pd.DataFrame:
    rows = [
        {
            "run": run,
            "seed": seed,
            "embedding": "embedding",
            "split": split,
            "draw": 0,
            "metric": "map@r",
            "value": value,
        }
        for run, values in runs.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


CLEAR = {"random": [0.10, 0.111, 0.12], "npair": [0.30, 0.321, 0.31], "hdc": [0.40, 0.42, 0.41]}


def test_a_clear_winner_is_named_with_its_lead() -> None:
    words = recommend(details(CLEAR))
    assert words.startswith("Use hdc: MAP@R 41.0 ± 2.5 % on validation classes, 10.0 ± 0.1 points above npair")
    assert "above every other run beyond chance (3 paired seeds, 5 % after Holm's correction)" in words


def test_test_classes_play_no_part() -> None:
    on_test = details({"random": [0.9, 0.9, 0.9], "npair": [0.8, 0.8, 0.8], "hdc": [0.1, 0.1, 0.1]}, "test")
    assert recommend(pd.concat([details(CLEAR), on_test])).startswith("Use hdc")
    levels = details({"random": [0.9, 0.9, 0.9]}).assign(embedding="level1")
    assert recommend(pd.concat([details(CLEAR), levels])).startswith("Use hdc")


def test_within_noise_the_first_of_the_plan_is_named_and_said_so() -> None:
    tied = {"random": [0.1, 0.11, 0.1], "margin": [0.40, 0.42, 0.41], "hdc": [0.42, 0.40, 0.415]}
    words = recommend(details(tied))
    assert words.startswith("Use margin: MAP@R 41.0 ± 2.5 % on validation classes. Within noise it ties with hdc; ")
    assert "it is the first of them in the plan; the highest mean, 41.2 %, is hdc's." in words


def test_times_do_not_change_the_choice() -> None:
    tied = {"simple": [0.40, 0.42, 0.41], "fast": [0.415, 0.405, 0.405], "bad": [0.1, 0.11, 0.1]}
    words = recommend(details(tied), {"simple": 400.0, "fast": 30.0, "bad": 1.0})
    assert words.startswith("Use simple")
    assert words == recommend(details(tied)) + " Its training took 7 min a seed."


def test_times_come_from_the_benchmark_files_of_the_workflow(tmp_path: Path) -> None:
    folder = tmp_path / "logs/train/p"
    for run, seed, text in (("a", 0, "s\th:m:s\n10.5\t0\n"), ("a", 1, "s\n20.5\n"), ("b", 0, "s\n")):
        (folder / run).mkdir(parents=True, exist_ok=True)
        (folder / run / f"seed{seed}.tsv").write_text(text)
    assert training_seconds(folder) == {"a": 15.5}
    assert training_seconds(tmp_path / "none" / "train" / "p") == {}


def test_the_time_of_a_training_is_not_that_of_a_call_which_took_it_back(tmp_path: Path) -> None:
    folder = tmp_path / "logs/train/p"
    (folder / "a").mkdir(parents=True)
    (folder / "a/seed0.tsv").write_text("s\n0.26\n")
    rows = ("t,train,models/p/a/seed0,90.0", "t,train,models/p/a/seed0,80.0", "t,train,models/q/a/seed0,7.0", "damaged")
    (tmp_path / "logs/journal.csv").write_text("\n".join(rows) + "\n")
    assert training_seconds(folder) == {"a": 80.0}


def test_a_large_but_unproven_difference_is_no_tie() -> None:
    noisy = {"simple": [0.30, 0.20, 0.40], "hdc": [0.60, 0.90, 0.55]}
    words = recommend(details(noisy))
    assert words.startswith("Use hdc")
    assert "that it is better than simple is likely, not proven" in words


def test_one_seed_is_called_what_it_is() -> None:
    words = recommend(details({"a": [0.3], "b": [0.5]}))
    assert words.startswith("Use b: MAP@R 50.0 % on validation classes, 20.0 points above a.")
    assert "One seed cannot tell that from chance" in words


def test_equal_values_in_every_seed_tie() -> None:
    assert recommend(details({"a": [0.3, 0.4], "b": [0.3, 0.4]})).startswith("Use a:")


def test_a_run_with_missing_or_broken_seeds_does_not_stop_the_sentence() -> None:
    words = recommend(details({**CLEAR, "collapsed": [float("nan"), float("nan")], "half": [0.2, float("nan")]}))
    assert words.startswith("Use hdc")
    assert "half" in words


def test_nothing_measured_and_a_single_run_are_said_so() -> None:
    assert recommend(details({"a": [0.5]}, "test")).startswith("No run can be named")
    assert recommend(details({"a": [0.5, 0.6]})).startswith("There is one run, a: MAP@R 55.0")


def test_times_are_written_for_people() -> None:
    for seconds, words in ((42.0, "42 s"), (600.0, "10 min"), (9000.0, "2.5 h")):
        assert recommend(details(CLEAR), dict.fromkeys(CLEAR, seconds)).endswith(f"took {words} a seed.")


def test_the_recommended_run_is_the_one_that_the_sentence_names() -> None:
    for runs in (CLEAR, {"a": [0.5, 0.51, 0.5], "b": [0.5, 0.52, 0.49]}, {"a": [0.5], "b": [0.6]}, {"only": [0.1]}):
        assert f"{recommended_run(details(runs))}: " in recommend(details(runs))
    assert recommended_run(details(CLEAR, "test")) is None
