"""What DVML's settings allow, and what presets and variants mean."""

import pytest
from pydantic import ValidationError

from hardmine.methods.dvml.settings import DVML


def test_defaults_are_those_for_small_networks():
    run = DVML(method="dvml")
    assert (run.batch_size, run.prior_width, run.draws, run.scales) == (100, 0.1, 5, "per-dimension")
    assert (run.first_weights, run.second_weights) == ((1, 1, 0.1, 1), (0.8, 1, 0.2, 0.8))


def test_the_values_that_others_quote_can_be_overridden():
    run = DVML(method="dvml", preset="third-party", draws=3)
    assert (run.prior_width, run.draws, run.scales, run.head) == (1.0, 3, "sum", "linear")


@pytest.mark.parametrize(
    ("variant", "encodes", "decodes", "share"),
    [
        ("full", True, True, 0.5),
        ("noise", False, False, 0.5),
        ("no-sample", True, True, 0.5),
        ("no-decoder", True, False, 0.5),
        ("no-phase", True, True, 0.0),
        ("one-phase", True, True, 1.0),
        ("base", False, False, 0.5),
    ],
)
def test_variants_say_which_parts_there_are(variant, encodes, decodes, share):
    run = DVML(method="dvml", variant=variant)
    assert (run.encodes, run.decodes, run.first_share) == (encodes, decodes, share)


@pytest.mark.parametrize("keys", [{}, {"base_loss": "triplet"}, {"preset": "third-party"}])
def test_resolved_settings_mean_the_same_when_read_again(keys):
    run = DVML(method="dvml", **keys)
    own = {key: value for key, value in run.own(for_training=True).items() if key != "revision"}
    assert DVML.model_validate(own) == run


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"batch_size": 99}, "99 is not a multiple of 2"),
        ({"training": {"batch": {"classes": 10}}}, "training.batch has no effect on dvml"),
        ({"first_weights": [1, 1, 1]}, "first_weights"),
        ({"second_weights": [1, 1, 1, -1]}, "greater than or equal to 0"),
        ({"prior_width": 0}, "greater than 0"),
        ({"draws": 0}, "greater than 0"),
        ({"switch": 1.5}, "less than or equal to 1"),
        ({"sampling": "sample"}, "'reparameterised' or 'constant'"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        DVML(method="dvml", **keys)
