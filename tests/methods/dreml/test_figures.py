"""DREML's figures are drawn from what training kept, and say so where no run has several learners."""

import numpy as np
from drawn import assert_draws, keep
from learners_report import report_of


def test_all_figures_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "dreml", {"dreml-one": {"learners": 1}, "dreml": {}, "dreml-other": {}})
    keep("dreml-one")
    for run in ("dreml", "dreml-other"):
        keep(run, correlations=np.eye(4))
    assert_draws(report, "dreml")


def test_a_plan_with_one_learner_alone_has_figures_that_say_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "dreml", {"dreml-one": {"learners": 1}}, learners=0)
    report.histories.drop(columns=["correlation", "val_first2_recall@1"], inplace=True)
    keep("dreml-one")
    assert_draws(report, "dreml")
