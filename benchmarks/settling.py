"""How long settling takes: python -m benchmarks.settling."""

import os
import tempfile
import time
from pathlib import Path

from benchmarks import table
from benchmarks.table import Row
from hardmine.artefacts import Job, settle
from hardmine.artefacts.making import making


def chain(count: int) -> list[Job]:
    """Packed data, models on it, metrics of these: ``count`` artefacts and one more."""
    packed = Job("p", "preprocess", "data/packed/d", ("images.npy", "items.csv"), (), {"n": 1}, {})
    files = ("model.safetensors", "history.csv")
    models = [
        Job("p", "train", f"models/p/r{number}/seed0", files, (packed.folder,), {"rate": number}, {})
        for number in range(count // 2)
    ]
    metrics = [
        Job("p", "evaluate", f"metrics/p/r{number}/seed0", ("metrics.json",), (model.folder,), {"k": [1, 2]}, {})
        for number, model in enumerate(models)
    ]
    return [packed, *models, *metrics]


def settled(count: int) -> float:
    """Seconds that settling takes when all is good; median of nine."""
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        jobs = chain(count)
        for job in jobs:
            with making(job) as folder:
                for name in job.outputs:
                    Path(folder, name).write_text(f"{job.folder} {name}")
        settle(jobs)
        assert settle(jobs) == []
        seconds = table.alternate({"settle": lambda: settle(jobs)}, rounds=9, clock=time.perf_counter)["settle"]
        os.chdir("/")
    return seconds


def run() -> list[Row]:
    return [Row("pipeline", "settling 1,001 good artefacts", settled(1000), "s", at_most=1, how="median of nine")]


if __name__ == "__main__":
    table.main(run)
