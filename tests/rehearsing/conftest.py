"""What a tiny plan's tasks measure in this process."""

from pathlib import Path
from typing import Any

import pytest
from rehearsals import Measure

from hardmine.rehearsing.child import work
from hardmine.rehearsing.tasks import Effort, rehearsed_runs
from hardmine.settings import Plan


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Measure the training of a plan's only run in this process."""
    monkeypatch.chdir(tmp_path)

    def measured(plan: Plan, **effort: Any) -> dict[str, Any]:
        (run,), _ = rehearsed_runs(plan, Effort(**{"steps": 1, "limit": 30.0, **effort}))
        (tmp_path / "work").mkdir(exist_ok=True)
        return work(run.train, tmp_path / "work")

    return measured
