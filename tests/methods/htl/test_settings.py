"""What HTL's settings allow."""

import pytest
from pydantic import ValidationError

from hardmine.methods.htl.settings import HTL


def test_the_defaults_fill_a_batch_of_a_hundred_images():
    run = HTL(method="htl")
    assert (run.classes, run.classes * run.images_per_class) == (25, 100)
    assert (run.tree_levels, run.beta, run.linkage, run.distance, run.warmup) == (16, 0.1, "average", "squared", 0.2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"training": {"batch": {"classes": 5}}}, "training.batch has no effect on htl; set seeds"),
        ({"seeds": 1, "group": 1}, "no negatives"),
        ({"images_per_class": 1}, "greater than or equal to 2"),
        ({"linkage": "ward"}, "'average', 'single', 'complete' or 'none'"),
        ({"warmup": 1}, "less than 1"),
        ({"tree_levels": 0}, "greater than 0"),
        ({"beta": -0.1}, "greater than or equal to 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message.replace(".", r"\.")):
        HTL(method="htl", **keys)
