"""What HTG's settings allow, and what its variants have."""

import pytest
from pydantic import ValidationError

from hardmine.methods.htg.settings import HTG


@pytest.mark.parametrize(
    ("variant", "generates", "discriminates"),
    [
        ("full", True, True),
        ("permuted", True, True),
        ("no-d", True, False),
        ("no-adv", True, True),
        ("d-only", False, True),
        ("identity", False, False),
        ("step", False, False),
        ("random", False, False),
        ("base", False, False),
    ],
)
def test_variants_say_which_parts_there_are(variant, generates, discriminates):
    run = HTG(method="htg", variant=variant)
    assert (run.generates, run.discriminates) == (generates, discriminates)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"training": {"batch": {"classes": 1}}}, "greater than or equal to 2"),
        ({"margin": 0}, "greater than 0"),
        ({"warm_share": 1}, "less than 1"),
        ({"class_weight": -1}, "greater than or equal to 0"),
        ({"variant": "no_d"}, "'no-d'"),
        ({"batch_size": 100}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        HTG(method="htg", **keys)
