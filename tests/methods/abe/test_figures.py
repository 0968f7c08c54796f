"""ABE's figures are drawn from what training kept, and say so where no run has several learners."""

import numpy as np
from drawn import assert_draws, keep
from learners_report import report_of


def test_all_figures_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "abe", {"abe-one": {"learners": 1}, "abe": {}, "abe-other": {}})
    draws = np.random.default_rng(0)
    keep("abe-one")
    for run in ("abe", "abe-other"):
        masks = draws.random((4, 4, 8, 8)).astype(np.float32)
        keep(run, correlations=np.eye(4), masks=masks, mask_images=np.arange(4))
    assert_draws(report, "abe")


def test_a_plan_with_one_learner_alone_has_figures_that_say_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "abe", {"abe-one": {"learners": 1}}, learners=0)
    report.histories.drop(columns=["correlation", "val_first2_recall@1"], inplace=True)
    keep("abe-one")
    assert_draws(report, "abe")
