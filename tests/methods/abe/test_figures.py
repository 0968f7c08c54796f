"""ABE's figures are drawn from what training kept, and say so where no run has several learners."""

import numpy as np
from learners_report import assert_drawn, keep, report_of

from hardmine.figures.own import caption_of
from hardmine.methods.abe.figures import FIGURES
from hardmine.methods.abe.settings import ABE


def test_all_figures_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "abe", {"abe-one": {"learners": 1}, "abe": {}, "abe-other": {}})
    draws = np.random.default_rng(0)
    keep("abe-one")
    for run in ("abe", "abe-other"):
        masks = draws.random((4, 4, 8, 8)).astype(np.float32)
        keep(run, correlations=np.eye(4), masks=masks, mask_images=np.arange(4))
    for draw in FIGURES.values():
        draw(report)
    assert_drawn(report, ABE.diagnostics)


def test_a_plan_with_one_learner_alone_has_figures_that_say_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "abe", {"abe-one": {"learners": 1}}, learners=0)
    report.histories.drop(columns=["correlation", "val_first2_recall@1"], inplace=True)
    keep("abe-one")
    for draw in FIGURES.values():
        draw(report)
    assert_drawn(report, ABE.diagnostics)


def test_every_figure_has_a_caption_of_one_line():
    assert all(caption_of(draw).endswith(".") and "ABE" in caption_of(draw) for draw in FIGURES.values())
