"""BIER's figures are drawn from what training kept, and say so where no run has several learners."""

import numpy as np
from learners_report import assert_drawn, keep, report_of

from hardmine.figures.own import caption_of
from hardmine.methods.bier.figures import FIGURES
from hardmine.methods.bier.settings import BIER


def test_all_figures_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "bier", {"bier-one": {"groups": [1]}, "bier": {}, "bier-other": {}})
    draws = np.random.default_rng(0)
    keep("bier-one")
    for run in ("bier", "bier-other"):
        arrays = {"weights": draws.random((3, 66)), "scores": draws.standard_normal((3, 66)) - 1}
        keep(run, labels=np.repeat(np.arange(3), 4), correlations=np.eye(3), **arrays)
    for draw in FIGURES.values():
        draw(report)
    assert_drawn(report, BIER.diagnostics)


def test_a_plan_with_one_learner_alone_has_figures_that_say_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(tmp_path, "bier", {"bier-one": {"groups": [1]}}, learners=0)
    report.histories.drop(columns=["correlation", "val_first2_recall@1"], inplace=True)
    keep("bier-one")
    for draw in FIGURES.values():
        draw(report)
    assert_drawn(report, BIER.diagnostics)


def test_every_figure_has_a_caption_of_one_line():
    assert all(caption_of(draw).endswith(".") and "BIER" in caption_of(draw) for draw in FIGURES.values())
