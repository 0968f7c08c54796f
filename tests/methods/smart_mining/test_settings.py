"""Smart Mining's settings refuse what cannot be meant."""

import pytest
from pydantic import ValidationError

from hardmine.methods.smart_mining.settings import SmartMining


def settings(**keys):
    return SmartMining.model_validate({"method": "smart-mining", **keys})


def test_defaults_are_the_papers_where_it_gives_them():
    own = settings()
    assert (own.margin, own.global_margin, own.separation_weight, own.global_weight) == (0.2, 0.01, 0.8, 1.0)
    assert (own.mined_share, own.target_error, own.random_epochs) == (0.75, 0.6, 2)
    assert (own.index, own.kappa_mode, own.window, own.triplets_per_anchor) == ("exact", "adaptive", 5, 1)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"training": {"batch": {"classes": 4}}}, "batch_triplets"),
        ({"prior": [[0.5, 1], [0.5, 16]]}, "differ"),
        ({"prior": [[0.3, 1], [0.9, 16]]}, "smaller kappa"),
        ({"prior": [[0.9, 0.5], [0.3, 16]]}, "greater than or equal to 1"),
        ({"mined_share": 1.2}, "less than or equal to 1"),
        ({"target_error": 0}, "greater than 0"),
        ({"kappa_max": 0.5}, "greater than or equal to 1"),
        ({"index": "ivf"}, "exact"),
        ({"k": 0}, "greater than 0"),
        ({"batch_triplets": 1}, "greater than or equal to 2"),
        ({"kapa": 3}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(keys, words):
    with pytest.raises(ValidationError, match=words):
        settings(**keys)


def test_prior_may_name_its_pairs_in_any_order():
    assert settings(prior=[[0.3, 16], [0.9, 1]]).prior == ((0.3, 16.0), (0.9, 1.0))
