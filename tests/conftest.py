"""Every test runs with one thread: two torch processes with two threads each on two cores are many times slower."""

import os
from collections import Counter

import pytest
from hypothesis import settings

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

settings.register_profile("long", max_examples=10_000)  # make faults


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first, so that no process is left alone with one; then those of many tests."""
    slow = ("workflow", "faults")
    count = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.parent.name not in slow, -count[item.path], str(item.path)))
