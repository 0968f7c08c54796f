import time
from collections.abc import Iterator

import pytest
from search_tools import pictures, project, trained

__all__ = ["pictures", "project", "trained"]


@pytest.fixture
def within_seconds() -> Iterator[None]:
    """Whatever a stranger's file holds, a test of it takes less than five seconds of processor time."""
    start = time.process_time()
    yield
    assert time.process_time() - start < 5
