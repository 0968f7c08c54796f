"""Reports of plans that were never run, written as a report is: cheap, with values that a test gives."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from browsing import browser

from hardmine.artefacts import Record, digest
from hardmine.artefacts.record import write_record
from hardmine.figures.collect import statistics_of
from hardmine.figures.failures import COLUMNS
from hardmine.figures.published import published_rows
from hardmine.settings import jobs_of, load_plan

__all__ = ["browser", "reported"]

RUNS = {
    "base": {"method": "triplet", "selection": "random"},
    "control": {"method": "triplet", "selection": "semihard"},
    "mined": {"method": "triplet", "selection": "hard", "control": "control", "base_run": "base"},
}
Values = Mapping[str, Sequence[float]]
Reported = Callable[..., Path]


@pytest.fixture
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reported:
    """Write a plan file and its report in a project that is the current folder: a value for each run and seed.

    Keys beside ``values``, ``failed`` and ``seconds`` go into the plan.
    """
    monkeypatch.chdir(tmp_path)
    Path("Snakefile").touch()

    def write(
        name: str, values: Values, failed: Sequence[tuple[str, int]] = (), seconds: float = 0, **keys: Any
    ) -> Path:
        shown = {"plan": name, "baseline": "base", "seeds": [0, 1, 2], "dataset": {"name": "glyphs"}, "runs": RUNS}
        source = Path(f"{name}.yaml")
        source.write_text(yaml.safe_dump(shown | keys, sort_keys=False))
        plan = load_plan(shown | keys, name)
        report = jobs_of(plan)[-1]
        rows = [
            {"dataset": plan.dataset.name, "run": run, "method": plan.runs[run].method, "seed": seed, "value": value}
            for run, numbers in values.items()
            for seed, value in zip(plan.seeds, numbers, strict=False)
        ]
        results = pd.DataFrame(rows).assign(metric="recall", k=1)
        folder = Path(report.folder)
        folder.mkdir(parents=True)
        results.to_csv(folder / "results.csv", index=False)
        marks = [(run, seed, 7, "diverged", "epoch 1") for run, seed in failed]
        pd.DataFrame(marks, columns=COLUMNS).to_csv(folder / "failed.csv", index=False)
        if "published.csv" in report.outputs:
            published = published_rows(report, statistics_of(results, "base", plan.seeds))
            published.to_csv(folder / "published.csv", index=False)
        outputs = {path.name: digest(path) for path in folder.iterdir()}
        packed = {report.inputs[0]: {"images.npy": "0" * 64}}
        write_record(folder, Record(report.to_json()["settings"], packed, outputs, {}, {"commit": "c0ffee"}))
        for row in rows if seconds else ():
            log = Path("logs/train", name, row["run"], f"seed{row['seed']}.tsv")
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(f"s\th:m:s\n{seconds + row['seed'] ** 2}\t0:00:01\n")
        return source

    return write
