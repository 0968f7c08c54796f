"""What the settings of HAP2S, quadruplet, PDDM and CCL allow."""

import pytest
from pydantic import ValidationError
from tuple_runs import RUNS

from hardmine.settings.methods import METHODS, run_from


@pytest.mark.parametrize(
    ("method", "keys", "message"),
    [
        ("hap2s", {"sigma": 0}, "greater than 0"),
        ("hap2s", {"alpha": -1}, "greater than 0"),
        ("hap2s", {"weighting": "gaussian"}, "'exponential', 'polynomial' or 'uniform'"),
        ("hap2s", {"order": "permuted"}, "order: permuted needs weight_gradient: false"),
        ("hap2s", {"order": "permuted", "weighting": "uniform"}, "changes nothing where weighting: uniform"),
        ("hap2s", {"distance": "cosine"}, "Extra inputs"),
        ("quadruplet", {"tuples": "hardest"}, "set second_term: none"),
        ("quadruplet", {"margins": "fixed", "margin_gradient": True}, "fixed margins have no gradient"),
        ("quadruplet", {"factors": [1]}, "factors"),
        ("quadruplet", {"factors": [1, -0.5]}, "greater than or equal to 0"),
        ("quadruplet", {"fixed_share": 1}, "less than 1"),
        ("pddm", {"score_weight": 0}, "picks: scores needs a trained unit"),
        ("pddm", {"distance_weight": 0, "score_gradient": False}, "leaves the embedding untrained"),
        ("pddm", {"distance_weight": 0, "score_weight": 0, "picks": "random"}, "leaves the embedding untrained"),
        ("pddm", {"quadruplets": "all"}, "'one', 'per-class' or 'per-pair'"),
        ("ccl", {"anchor": "image", "negative": "all"}, "negative: all needs anchor: centre"),
        ("ccl", {"attribute": "base-letter"}, "attribute: the single network has no branches"),
        ("ccl", {"branch_weight": 1.0}, "branch_weight: the single network has no branches"),
        (
            "ccl",
            {"network": "mixed", "attribute_weight": 0, "attribute_order": "shuffled"},
            "an unlabelled branch sees no attributes",
        ),
        ("ccl", {"margin": 0}, "greater than 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(method: str, keys: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        METHODS.settings(method)(method=method, **keys)


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
def test_settings_are_read_back_from_a_record(run: dict) -> None:
    settings = run_from(run)
    assert run_from(settings.own()) == settings
