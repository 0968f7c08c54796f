"""BIER's figures are drawn from what training kept, and say so where no run has several learners."""

import numpy as np
from drawn import assert_draws, keep
from learners_report import report_of


def test_all_figures_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "bier", {"bier-one": {"groups": [1]}, "bier": {}, "bier-other": {}})
    draws = np.random.default_rng(0)
    keep("bier-one")
    for run in ("bier", "bier-other"):
        arrays = {"weights": draws.random((3, 66)), "scores": draws.standard_normal((3, 66)) - 1}
        keep(run, labels=np.repeat(np.arange(3), 4), correlations=np.eye(3), **arrays)
    assert_draws(report, "bier")


def test_a_plan_with_one_learner_alone_has_figures_that_say_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "bier", {"bier-one": {"groups": [1]}}, learners=0)
    report.histories.drop(columns=["correlation", "val_first2_recall@1"], inplace=True)
    keep("bier-one")
    assert_draws(report, "bier")
