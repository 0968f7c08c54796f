"""What SCHEM's settings allow."""

import pytest
from pydantic import ValidationError

from hardmine.methods.schem.settings import SCHEM


def test_the_defaults_are_the_papers_batch():
    run = SCHEM(method="schem")
    assert (run.groups, run.group_size, run.class_pool, run.instance_pool) == (5, 10, (3, 4, 5), 5)
    assert (run.margin, run.classification_weight, run.classification_scale) == (0.2, 1.0, 1.0)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"training": {"batch": {"classes": 10}}}, "training.batch has no effect on schem; set groups and group_size"),
        ({"classification_weight": 0}, "needs signatures that mean something"),
        ({"mining_mode": "train", "negative_view": "same"}, "needs mining_mode: eval"),
        ({"group_size": 1}, "greater than or equal to 2"),
        ({"groups": 1}, "greater than or equal to 2"),
        ({"class_pool": []}, "at least 1 item"),
        ({"class_pool": [0]}, "greater than 0"),
        ({"max_age": -1}, "max_age"),
        ({"class_stage": "on"}, "'search', 'random' or 'all'"),
        ({"signatures": 3}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message.replace(".", r"\.")):
        SCHEM(method="schem", **keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"classification_weight": 0, "class_stage": "random"},
        {"classification_weight": 0, "signature_start": "class-mean"},
        {"max_age": "unlimited"},
        {"class_pool": [4]},
        {"training": {"learning_rate": 0.01}},
    ],
    ids=str,
)
def test_settings_that_work_are_taken(keys):
    SCHEM(method="schem", **keys)
