"""What HDML's settings allow, and what presets and base losses fill in."""

import pytest
from pydantic import ValidationError

from hardmine.methods.hdml.settings import HDML


def test_the_defaults_are_the_released_codes():
    run = HDML(method="hdml")
    assert (run.alpha, run.beta, run.batch_size, run.average_block) == (90, 1e4, 128, 64)
    assert (run.metric_average, run.batch_norm_statistics, run.stop_gradient) == ("weighted-with-decay", "both", "none")
    assert (run.generator_learning_rate, run.classifier_learning_rate, run.soft_factor) == (0.01, 0.001, 1e4)


def test_triplets_have_values_of_their_own():
    run = HDML(method="hdml", base_loss="triplet")
    assert (run.alpha, run.batch_size, run.tuples) == (7, 120, 40)


def test_the_papers_preset_can_be_overridden_key_by_key():
    run = HDML(method="hdml", preset="paper", alpha=3, batch_norm_statistics="both")
    assert (run.metric_average, run.average_block, run.batch_norm_statistics) == ("metric", "epoch", "both")


@pytest.mark.parametrize("keys", [{}, {"base_loss": "triplet"}, {"calibrate": True}, {"preset": "paper", "alpha": 2}])
def test_resolved_settings_mean_the_same_when_read_again(keys):
    run = HDML(method="hdml", **keys)
    own = {key: value for key, value in run.own(for_training=True).items() if key != "revision"}
    assert HDML.model_validate(own) == run


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"batch_size": 127}, "127 is not a multiple of 2, .* use 126 or 128"),
        ({"base_loss": "triplet", "batch_size": 128}, "128 is not a multiple of 3, .* use 126 or 129"),
        ({"batch_size": 2}, "gives no negatives for npair; use at least 4"),
        ({"batch_size": 1}, "use 4"),
        ({"base_loss": "triplet", "batch_size": 2}, "use 3"),
        ({"batch_size": 0}, "greater than 0"),
        ({"training": {"batch": {"classes": 10}}}, "training.batch has no effect on hdml; set batch_size"),
        ({"calibrate": True, "alpha": 3}, "leave them out"),
        ({"preset": "paper"}, "set alpha"),
        ({"metric_average": "metric"}, "or calibrate: true"),
        ({"average_block": 0}, "average_block"),
        ({"alpha": -1}, "greater than or equal to 0"),
        ({"variant": "no_pull"}, "'no-pull'"),
        ({"first_lambda": 1.0}, "less than 1"),
        ({"lambda": 1}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        HDML(method="hdml", **keys)
