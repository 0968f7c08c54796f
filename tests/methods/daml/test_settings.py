"""What DAML's settings allow, and what presets and base losses fill in."""

import pytest
from pydantic import ValidationError

from hardmine.methods.daml.settings import DAML


def test_base_losses_have_batches_of_their_own():
    assert (DAML(method="daml").batch_size, DAML(method="daml").tuples) == (100, 50)
    triplets = DAML(method="daml", base_loss="triplet")
    assert (triplets.batch_size, triplets.tuples) == (120, 40)


def test_the_release_is_the_released_codes_settings_and_can_be_overridden():
    run = DAML(method="daml", preset="release", adv_weight=50)
    assert (run.base_loss, run.batch_size, run.tuples, run.batches) == ("triplet", 120, 40, "independent")
    assert (run.routing, run.synthetic_share, run.warm_share, run.warm_loss) == ("joint", 1.0, 0.2, "features")
    assert (run.reg_weight, run.adv_weight, run.hinge_factor, run.margin) == (1, 50, 0.5, 1)
    assert (run.generator_end, run.generator_width, run.generator_batch_norm) == ("relu", 512, False)
    assert (run.features, run.head, run.feature_scale, run.trunk_factor) == ("embedded", "two-layers", "none", 0.001)


@pytest.mark.parametrize("keys", [{}, {"base_loss": "triplet"}, {"preset": "release"}, {"variant": "midpoint"}])
def test_resolved_settings_mean_the_same_when_read_again(keys):
    run = DAML(method="daml", **keys)
    own = {key: value for key, value in run.own(for_training=True).items() if key != "revision"}
    assert DAML.model_validate(own) == run


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"batch_size": 99}, "99 is not a multiple of 2, .* use 98 or 100"),
        ({"base_loss": "triplet", "batch_size": 100}, "100 is not a multiple of 3"),
        ({"batch_size": 2}, "gives no negatives for npair; use at least 4"),
        ({"training": {"batch": {"classes": 10}}}, "training.batch has no effect on daml; set batch_size"),
        ({"routing": "joint", "variant": "midpoint"}, "routing: joint needs a generator, and variant: midpoint"),
        ({"variant": "permuted", "batch_size": 4}, "needs 3 tuples"),
        ({"variant": "permuted", "base_loss": "triplet", "batch_size": 3}, "needs 2 tuples"),
        ({"synthetic_share": 1.1}, "less than or equal to 1"),
        ({"warm_share": 1.0}, "less than 1"),
        ({"hinge_factor": 0}, "greater than 0"),
        ({"lambda2": 50}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        DAML(method="daml", **keys)
